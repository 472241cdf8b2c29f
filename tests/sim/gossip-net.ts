import { seededDice } from "../../src/base/prng.ts";
import { abortError } from "../../src/base/signal.ts";
import { checkPending } from "../../src/distribution/check.ts";
import { Gossip } from "../../src/distribution/gossip.ts";
import { Pool } from "../../src/distribution/pool.ts";
import { Seen } from "../../src/distribution/seen.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Policy } from "../../src/dockets/types.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { limits } from "../../src/runtime/limits.ts";

export interface Shape {
  nodes: number;
  /** Peers that each node is connected to. */
  links: number;
  /** Share of calls that get lost, and of nodes that are dead without anybody knowing. */
  loss: number;
  dead: number;
  transactions: number;
  seed: number;
}

export interface Spread {
  /** Rounds until every living node had it, one a transaction, ascending; Infinity: never. */
  rounds: number[];
  /** Bodies that arrived, and announcements' ids, a living node and transaction. */
  bodies: number;
  ids: number;
}

interface Node {
  gossip: Gossip;
  pool: Pool;
  isDead: boolean;
  peers: string[];
}

const signer = signerOfSeed(new Uint8Array(32).fill(7));
const policy: Policy = {
  version: 1,
  validators: [{ validatorId: "v", publicKey: signer.publicKey, algorithm: "ED25519" }],
  threshold: 1,
  isPublic: true,
  name: "r",
  description: "",
};
const registerId = "r";
/** A third of a round one way: telling, asking and getting take a whole one. */
const oneWayMs = limits.gossip.roundMs / 3 - 2 * limits.gossip.gatherMs;
const roundsMax = 60;

/**
 * Transactions spread among nodes made of the production gossip, pool and checks, each told by a
 * node of chance; time, loss and chance are from a seed. Every body's document is a real one.
 */
export async function spreadIn(shape: Shape): Promise<Spread> {
  const roll = seededDice(shape.seed);
  const clock = new HeapClock();
  const nodes = new Map<string, Node>();
  const arrived = new Map<string, { count: number; atMs: number; lastMs: number }>();
  let bodies = 0;
  let ids = 0;
  const checked = new Map<Uint8Array, ReturnType<typeof checkPending>>();
  const names = Array.from({ length: shape.nodes }, (_, index) => `n${index}`);
  for (const name of names) nodes.set(name, makeNode(name));
  linkAll();
  const living = names.filter((name) => nodes.get(name)?.isDead === false);
  for (const name of living) nodes.get(name)?.gossip.start();
  for (let index = 0; index < shape.transactions; index += 1) {
    const source = nodes.get(living[Math.floor(roll() * living.length)] as string) as Node;
    const payloadJson = `{"type":"Action","data":${index}}`;
    const createdAtMs = clock.nowMs();
    const built = buildTransaction({ registerId, payloadJson, createdAtMs, signer });
    const { transactionId } = built.transaction;
    arrived.set(transactionId, { count: 1, atMs: clock.monotonicMs(), lastMs: 0 });
    source.gossip.offer(built);
    await clock.pass(limits.gossip.roundMs * (1 + roll()));
  }
  const isDone = () => [...arrived.values()].every((one) => one.count === living.length);
  await clock.pass(limits.gossip.roundMs * roundsMax, isDone);
  for (const name of living)
    nodes
      .get(name)
      ?.gossip.stop()
      .catch(() => undefined);
  await clock.pass(limits.gossip.roundMs);
  const rounds = [...arrived.values()].map(({ count, atMs, lastMs }) =>
    count === living.length ? (lastMs - atMs) / limits.gossip.roundMs : Number.POSITIVE_INFINITY,
  );
  const each = living.length * shape.transactions;
  rounds.sort((left, right) => left - right);
  return { rounds, bodies: bodies / each, ids: ids / each };

  function makeNode(name: string): Node {
    const monotonicMs = clock.monotonicMs;
    const pool = new Pool({
      countMax: limits.pendingTransactions,
      bytesMax: limits.pendingBytes,
      ageMs: limits.pendingMs,
      monotonicMs,
      onEvicted: () => {},
    });
    const peers: string[] = [];
    const gossip = new Gossip({
      clock,
      dice: roll,
      fanout: 3,
      pool,
      seen: new Seen({ countMax: 10_000, ageMs: limits.seenMs, monotonicMs }),
      holders: () => peers,
      tell: async (peerId, announcement) => {
        const { target, isLost } = call(peerId);
        await clock.sleep(oneWayMs);
        if (isLost || target.isDead) {
          await clock.sleep(limits.gossip.tellTimeoutMs);
          throw new Error("No answer");
        }
        ids += announcement.items.length;
        const answer = target.gossip.hear(name, announcement);
        await clock.sleep(oneWayMs);
        return answer;
      },
      fetch: async (peerId, wanted, signal) => {
        const { target, isLost } = call(peerId);
        await clock.sleep(oneWayMs, signal);
        if (isLost || target.isDead) await clock.sleep(limits.gossip.fetchTimeoutMs, signal);
        if (isLost || target.isDead) throw new Error("No answer");
        const found = target.pool.get(wanted.registerId, wanted.transactionId);
        await clock.sleep(oneWayMs, signal);
        if (found !== null) bodies += 1;
        return found?.bytes ?? null;
      },
      check: (bytes, { transactionId }) => {
        const known = checked.get(bytes);
        const asked = { registerId, transactionId, policy, nowMs: clock.nowMs() };
        const outcome = known ?? checkPending(bytes, asked);
        checked.set(bytes, outcome);
        return outcome;
      },
      findSealed: async () => new Set(),
      onTaken: ({ transaction }) => {
        const one = arrived.get(transaction.transactionId);
        if (one === undefined) return;
        one.count += 1;
        one.lastMs = clock.monotonicMs();
      },
      onFault: () => {},
    });
    return { gossip, pool, peers, isDead: roll() < shape.dead };
  }

  function call(peerId: string): { target: Node; isLost: boolean } {
    return { target: nodes.get(peerId) as Node, isLost: roll() < shape.loss };
  }

  /** Connections, which both ends use. */
  function linkAll(): void {
    for (const [index, name] of names.entries()) {
      const own = (nodes.get(name) as Node).peers;
      for (let tries = 0; own.length < shape.links && tries < 4 * shape.links; tries += 1) {
        const other = names[Math.floor(roll() * names.length)] as string;
        if (other === names[index] || own.includes(other)) continue;
        own.push(other);
        (nodes.get(other) as Node).peers.push(name);
      }
    }
  }
}

interface Sleeper {
  atMs: number;
  order: number;
  wake: () => void;
  isGone: boolean;
}

/** As `SimClock`, for a hundred thousand sleepers. */
class HeapClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #order = 0;
  readonly #heap: Sleeper[] = [];

  nowMs = (): number => Math.floor(this.#nowMs);
  monotonicMs = (): number => this.#nowMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      this.#order += 1;
      const onAbort = () => {
        sleeper.isGone = true;
        reject(abortError(signal as AbortSignal));
      };
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + ms, order: this.#order, wake, isGone: false };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#push(sleeper);
    });

  async pass(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#heap[0]; !isOver(); next = this.#heap[0]) {
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = endMs;
        return;
      }
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      for (let due = this.#heap[0]; due !== undefined && due.atMs <= this.#nowMs; ) {
        this.#pop();
        if (!due.isGone) due.wake();
        due = this.#heap[0];
      }
      await settled();
    }
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap;
    let at = heap.push(sleeper) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(sleeper, heap[parent] as Sleeper)) break;
      heap[at] = heap[parent] as Sleeper;
      at = parent;
    }
    heap[at] = sleeper;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Sleeper;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Sleeper)) child += 1;
      if (!isBefore(heap[child] as Sleeper, last)) break;
      heap[at] = heap[child] as Sleeper;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(left: Sleeper, right: Sleeper): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
