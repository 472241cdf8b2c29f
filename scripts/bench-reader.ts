/**
 * Brings a whole register into memory over the node's own catch-up, verified and not stored: what
 * the wire, the sources and the verifiers allow. `workers` must be open.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { joinPage } from "../src/dockets/join.ts";
import type { Anchor } from "../src/dockets/types.ts";
import type { Source } from "../src/peers/adverts.ts";
import { CatchUp } from "../src/replication/catch-up.ts";
import { emptyAnchor } from "../src/replication/commit.ts";
import { inFlight } from "../src/replication/in-flight.ts";
import { pullRange } from "../src/replication/pull.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { openChannel } from "../src/wire/client.ts";
import * as workers from "../src/workers/pool.ts";
import { type BenchNode, get, importRecords, startNode } from "./bench-node.ts";

/** A node with a register of so many records, and verifiers here to read it with. */
export async function openSource(options: { records: number; threadCount: number }): Promise<{
  source: BenchNode;
  /** The whole register, over these roads. */
  read(addresses: readonly string[]): Promise<Reading>;
}> {
  const source = await startNode("source");
  const { records, threadCount } = options;
  const registerId = await importRecords(source, { records, recordBytes: 512 });
  const { height } = await get<{ height: number }>(source, `/api/registers/${registerId}`);
  const threadUrl = new URL("../src/workers/verify-thread.ts", import.meta.url);
  workers.open({ threadUrl, count: threadCount });
  const read = (addresses: readonly string[]) =>
    readRegister(registerId, { addresses, headNumber: height - 1 });
  return { source, read };
}

export interface Reading {
  ms: number;
  bytes: number;
  dockets: number;
  /** Longest time that the event loop was held up. */
  lagMs: number;
}

export async function readRegister(
  registerId: string,
  options: {
    addresses: readonly string[];
    headNumber: number;
    verifyTransactions?: "all" | "none";
  },
): Promise<Reading> {
  const channels = new Map(options.addresses.map((address) => [address, openChannel({ address })]));
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  const startMs = performance.now();
  let anchor: Anchor = emptyAnchor(registerId);
  let bytes = 0;
  const run = new CatchUp({
    sources: () => options.addresses.map((address) => sourceAt(address, options.headNumber)),
    nextNumber: () => anchor.nextNumber,
    policy: () => anchor.policy,
    pullRange: (source, range) => {
      const channel = channels.get(source.peerId);
      if (channel === undefined) throw new Error(`No channel to ${source.peerId}`);
      return pullRange(source, {
        registerId,
        nextNumber: range.from,
        docketCount: range.count,
        bytesMax: range.bytesMax,
        channel,
        nodeId: "bench",
        pullTimeoutMs: 30_000,
        clock: systemClock,
        signal: range.signal,
      });
    },
    check: (page, policy) =>
      workers.verifyPage({
        registerId,
        bytes: page.bytes,
        nextNumber: page.nextNumber,
        policy,
        nowMs: Date.now(),
        verifyTransactions: options.verifyTransactions ?? "none",
        acceptUnsealed: false,
      }),
    commit: async (pages) => {
      for (const page of pages) {
        const joined = joinPage(anchor, page);
        if (!joined.ok) throw new Error(joined.refusal.message);
        anchor = joined.value.next;
        bytes += page.bytes.length;
      }
      return { count: pages.length, head: null, stop: null };
    },
    onCommitted: () => {},
    onTrouble: (source, trouble) => console.error(`${source.peerId}: ${JSON.stringify(trouble)}`),
    inFlight,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const end = await run.run();
  const ms = performance.now() - startMs;
  for (const channel of channels.values()) channel.close();
  if (anchor.nextNumber <= options.headNumber) {
    throw new Error(`Only ${anchor.nextNumber} dockets came: ${JSON.stringify(end)}`);
  }
  return { ms, bytes, dockets: anchor.nextNumber, lagMs: lag.max / 1e6 };
}

function sourceAt(address: string, headNumber: number): Source {
  return {
    peerId: address,
    speaksReplication: true,
    isConnected: true,
    isQuarantined: false,
    points: 1,
    advert: { latestDocketVersion: headNumber, latestVersion: 100 * headNumber },
  } as Source;
}
