import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { SampleJson } from "./history-endpoints.ts";
import type { RestSource } from "./source.ts";

type HistorySource = Pick<
  RestSource,
  "listRegisters" | "listSubscriptions" | "listPeers" | "vitals"
>;

interface Totals {
  atMs: number;
  transactions: number;
  dockets: number;
  bytes: number;
}

/**
 * The node's figures of the last hour in equal steps, so that whoever opens the dashboard sees what
 * was before. Rates are what the store grew by between two samples: from peers and by our own seal.
 */
export class History {
  readonly #samples: SampleJson[] = [];
  #last: Totals | null = null;
  #sampling: { stop: () => Promise<void> } | null = null;

  constructor(
    private readonly source: HistorySource,
    private readonly clock: Clock,
  ) {}

  get samples(): readonly SampleJson[] {
    return this.#samples;
  }

  start(): void {
    this.sample();
    this.#sampling ??= every(limits.historyStepMs, {
      clock: this.clock,
      tick: async () => this.sample(),
    });
  }

  async close(): Promise<void> {
    await this.#sampling?.stop();
  }

  /** Takes one now. */
  sample(): void {
    const now = this.#totals();
    const before = this.#last ?? now;
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000);
    // A purge takes away what came before: that is no negative rate.
    const rate = (of: (totals: Totals) => number) =>
      tenth(Math.max(0, of(now) - of(before)) / seconds);
    const { cpuPercent, memoryMb } = this.source.vitals();
    this.#last = now;
    this.#samples.push({
      at: new Date(this.clock.nowMs()).toISOString(),
      transactionsPerSecond: rate((totals) => totals.transactions),
      docketsPerSecond: rate((totals) => totals.dockets),
      bytesPerSecond: rate((totals) => totals.bytes),
      lagDockets: this.#lagDockets(),
      ...this.#peerFigures(),
      cpuPercent,
      memoryMb,
    });
    if (this.#samples.length > limits.historySamples) this.#samples.shift();
  }

  #totals(): Totals {
    const totals = { atMs: this.clock.monotonicMs(), transactions: 0, dockets: 0, bytes: 0 };
    for (const register of this.source.listRegisters()) {
      totals.transactions += register.transactionCount;
      totals.dockets += register.headNumber - register.firstNumber + 1;
      totals.bytes += register.bytes;
    }
    return totals;
  }

  #lagDockets(): number {
    return this.source.listSubscriptions().reduce((sum, one) => {
      const held = (one.lastSyncedDocketVersion ?? -1) + 1;
      return sum + Math.max(0, one.totalDocketsInChain - held);
    }, 0);
  }

  #peerFigures(): Pick<SampleJson, "connectedPeers" | "latencyMs"> {
    const connected = this.source.listPeers().filter((peer) => peer.isConnected);
    const latencies = connected.map((peer) => peer.averageLatencyMs).filter((ms) => ms > 0);
    const sum = latencies.reduce((total, ms) => total + ms, 0);
    return {
      connectedPeers: connected.length,
      latencyMs: latencies.length === 0 ? null : tenth(sum / latencies.length),
    };
  }
}

export function history(call: Call<Endpoints["history"]>): Reply<Endpoints["history"]> {
  const samples = [...call.history.samples];
  return { body: { stepSeconds: limits.historyStepMs / 1_000, samples } };
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
