import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import { buildDocket, leafOf } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Docket, DocketBundle, Transaction } from "../../src/dockets/types.ts";
import { refuse } from "../../src/wire/status.ts";
import { TestChain } from "./test-chain.ts";

/** What a faulty source is asked: frames of its chain from a cursor on. */
export interface Asked {
  chain: TestChain;
  next: number;
  /** The last docket wanted; infinite where it is followed. */
  last: number;
  signal: AbortSignal;
  /** Resolves when the chain has grown, or the signal aborts. */
  growth: () => Promise<void>;
}

/** One kind of misbehaviour, or of honest trouble. */
type Fault = (asked: Asked) => AsyncIterable<Uint8Array>;

/** Dockets of one frame. */
const frameDockets = 10;
/** The docket that the faults spoil: the first frame is good, so that something can be stored. */
export const badDocket = 15;

export const faults = {
  honest: (asked) => frames(asked),

  // Spoiled documents.
  "flip-body-bit": (asked) => frames(asked, editDocket(flipBodyBit)),
  "flip-docket-bit": (asked) => frames(asked, editDocket(flipRootBit)),
  "drop-body": (asked) =>
    frames(
      asked,
      editDocket((one) => ({ ...one, transactionData: one.transactionData.slice(1) })),
    ),
  "repeat-body": (asked) =>
    frames(
      asked,
      editDocket((one) => ({
        ...one,
        transactionData: [...one.transactionData.slice(0, -1), first(one.transactionData)],
      })),
    ),
  "foreign-docket": (asked) =>
    frames(asked, (bundles, number) => {
      const other = new TestChain("another-register").sealMany(badDocket);
      return replaced(bundles, badDocket - number, other.bundles[badDocket]);
    }),
  "wrong-docket-key": (asked) => frames(asked, resealed({ seed: 99 })),
  "wrong-transaction-key": (asked) => frames(asked, editDocket(forgeTransactionSignature)),

  // Spoiled order.
  "drop-docket": (asked) =>
    frames(asked, (bundles, number) => bundles.filter((_, at) => number + at !== badDocket)),
  "reorder-dockets": (asked) =>
    frames(asked, (bundles, number) => {
      const at = badDocket - number;
      const swapped = replaced(bundles, at, bundles[at - 1]);
      return replaced(swapped, at - 1, bundles[at]);
    }),
  "repeat-docket": (asked) =>
    frames(asked, (bundles, number) =>
      replaced(bundles, badDocket - number, bundles[badDocket - number - 1]),
    ),
  "replay-frame": (asked) =>
    frames(asked, (bundles, number) =>
      number <= badDocket && badDocket < number + bundles.length
        ? asked.chain.bundles.slice(0, frameDockets)
        : bundles,
    ),
  "other-genesis": (asked) => frames({ ...asked, chain: otherChain(asked.chain) }),
  "validators-break-link": (asked) => frames(asked, resealed({ previousHash: "ab".repeat(32) })),
  "validators-ahead-of-time": (asked) =>
    frames(asked, resealed({ createdAtMs: Date.UTC(2200, 0, 1) })),

  // Spoiled frames.
  "truncate-frame": async function* (asked) {
    for await (const frame of frames(asked)) {
      yield asked.next > badDocket || frame.length < 100 ? frame : frame.subarray(0, -20);
    }
  },
  "invent-height": async function* (asked) {
    yield headOnly(1_000_000);
    for await (const frame of past(asked)) yield withHead(frame, 1_000_000);
    await ended(asked.signal);
  },
  "invent-docket": async function* (asked) {
    const liar = signerOfSeed(new Uint8Array(32).fill(98));
    const { registerId, bundles } = asked.chain;
    const size = sizeOf(asked.chain);
    const chain = new TestChain(registerId).sealMany(bundles.length - 1, size);
    Object.assign(chain, { signer: liar });
    chain.sealMany(10, size);
    yield* frames({ ...asked, chain });
  },
  "stream-empties": async function* (asked) {
    yield* past({ ...asked, last: badDocket });
    while (!asked.signal.aborted) {
      yield headOnly(asked.chain.bundles.length - 1);
      await Bun.sleep(1);
    }
  },
  "stream-forever": async function* (asked) {
    yield headOnly(asked.chain.bundles.length - 1);
    while (!asked.signal.aborted) {
      yield* past({ ...asked, next: 0, last: badDocket });
      await Bun.sleep(1);
    }
  },
  "more-than-asked": async function* (asked) {
    // Who follows asks for all there is: only a range can be overstepped.
    const isRange = asked.last !== Number.POSITIVE_INFINITY;
    if (isRange) yield* past({ ...asked, last: Number.POSITIVE_INFINITY });
    else yield headOnly(asked.chain.bundles.length - 1);
    await ended(asked.signal);
  },

  // Trouble without a lie.
  "empty-stream": async function* () {},
  "stop-halfway": (asked) => past({ ...asked, last: badDocket }),
  "hang-halfway": async function* (asked) {
    yield headOnly(asked.chain.bundles.length - 1);
    yield* past({ ...asked, last: badDocket });
    await ended(asked.signal);
  },
  "one-byte-a-second": (asked) => frames(asked),
  slow: async function* (asked) {
    for await (const frame of frames(asked)) {
      await Bun.sleep(1_000);
      yield frame;
    }
  },
  "hide-news": async function* (asked) {
    yield headOnly(30);
    yield* past({ ...asked, last: Math.min(asked.last, 30) });
    if (asked.last === Number.POSITIVE_INFINITY) await ended(asked.signal);
  },
  "not-yet": () => refusing("NOT_YET"),
  pruned: () => refusing("PRUNED"),
  "not-subscribed": () => refusing("NOT_SUBSCRIBED"),
  forbidden: () => refusing("FORBIDDEN"),
  busy: () => refusing("BUSY"),
  // Validators that seal two dockets with one number.
  equivocate: (asked) => frames({ ...asked, chain: forkOf(asked.chain) }),
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

type Edit = (bundles: DocketBundle[], firstNumber: number) => DocketBundle[];

/** The past in frames, changed by `edit`, and then, where it is followed, what comes. */
async function* frames(asked: Asked, edit: Edit = (bundles) => bundles) {
  // As a node does it: a follower is told first how far the chain goes, a range is only given.
  if (asked.last === Number.POSITIVE_INFINITY) yield headOnly(asked.chain.bundles.length - 1);
  let { next } = asked;
  for (;;) {
    for await (const frame of past({ ...asked, next }, edit)) yield frame;
    next = Math.max(next, Math.min(asked.last + 1, asked.chain.bundles.length));
    if (next > asked.last || asked.last !== Number.POSITIVE_INFINITY) return;
    await asked.growth();
    if (asked.signal.aborted) return;
  }
}

async function* past(asked: Asked, edit: Edit = (bundles) => bundles): AsyncGenerator<Uint8Array> {
  const { chain, next } = asked;
  const end = Math.min(asked.last + 1, chain.bundles.length);
  for (let from = next; from < end; ) {
    const to = Math.min(end, from - (from % frameDockets) + frameDockets);
    const bundles = chain.bundles.slice(from, to);
    const isBad = from <= badDocket && badDocket < to;
    yield encodePage({
      bundles: (isBad ? edit(bundles, from) : bundles).map(encodeBundle),
      headNumber: chain.bundles.length - 1,
      firstVersion: 0,
    });
    from = to;
  }
}

function headOnly(headNumber: number): Uint8Array {
  return encodePage({ bundles: [], headNumber, firstVersion: 0 });
}

function withHead(frame: Uint8Array, headNumber: number): Uint8Array {
  // The head number is the last field of these frames.
  const tag = 0x10;
  return Buffer.concat([
    frame.subarray(0, frame.lastIndexOf(tag)),
    headOnly(headNumber),
  ]) as Uint8Array;
}

function editDocket(edit: (bundle: DocketBundle) => DocketBundle): Edit {
  return (bundles, number) => {
    const bundle = bundles[badDocket - number];
    return bundle === undefined ? bundles : replaced(bundles, badDocket - number, edit(bundle));
  };
}

function replaced<T>(items: readonly T[], at: number, item: T | undefined): T[] {
  if (item === undefined || at < 0 || at >= items.length) return [...items];
  return items.with(at, item);
}

function first<T>(items: readonly T[]): T {
  return items[0] as T;
}

/** One bit of a record: "n":1 becomes "n":0, "n":0 becomes "n":1. */
function flipBodyBit(bundle: DocketBundle): DocketBundle {
  const body = Buffer.from(first(bundle.transactionData));
  const at = body.lastIndexOf('n\\":') + 4;
  body[at] = (body[at] as number) ^ 1;
  return { ...bundle, transactionData: [body, ...bundle.transactionData.slice(1)] };
}

function flipRootBit(bundle: DocketBundle): DocketBundle {
  const data = Buffer.from(bundle.docketData);
  let at = data.indexOf('"merkleRoot":"') + 14;
  while (!/[0-9]/.test(String.fromCharCode(data[at] as number))) at += 1;
  data[at] = (data[at] as number) ^ 1;
  return { ...bundle, docketData: data };
}

function forgeTransactionSignature(bundle: DocketBundle): DocketBundle {
  const parse = (data: Uint8Array) => JSON.parse(Buffer.from(data).toString()) as Transaction;
  const [one, two] = bundle.transactionData.map(parse) as [Transaction, Transaction];
  const forged = Buffer.from(JSON.stringify({ ...one, signatures: two.signatures }));
  return { ...bundle, transactionData: [forged, ...bundle.transactionData.slice(1)] };
}

/** The same docket with something else in it, sealed by the validator or by another key. */
function resealed(changes: { seed?: number; previousHash?: string; createdAtMs?: number }): Edit {
  return editDocket((bundle) => reseal(bundle, changes));
}

export function reseal(
  bundle: DocketBundle,
  changes: { seed?: number; previousHash?: string; createdAtMs?: number },
): DocketBundle {
  const docket = JSON.parse(Buffer.from(bundle.docketData).toString()) as Docket;
  const parse = (data: Uint8Array) => JSON.parse(Buffer.from(data).toString()) as Transaction;
  const { bytes } = buildDocket({
    registerId: docket.registerId,
    number: docket.docketNumber,
    previousHash: changes.previousHash ?? docket.previousHash,
    createdAtMs: changes.createdAtMs ?? Date.parse(docket.createdAt),
    proposerValidatorId: docket.proposerValidatorId,
    leaves: bundle.transactionData.map((data) => leafOf(parse(data))),
    signer: signerOfSeed(new Uint8Array(32).fill(changes.seed ?? 1)),
  });
  return { ...bundle, docketData: bytes };
}

function otherChain(chain: TestChain): TestChain {
  const other = new TestChain(chain.registerId, { seed: 7 });
  return other.sealMany(chain.bundles.length - 1, sizeOf(chain));
}

/** Transactions a docket. */
function sizeOf(chain: TestChain): number {
  return chain.transactionIds[1]?.length ?? 1;
}

/** The same chain up to the bad docket; from there on another one, sealed by the same validator. */
export function forkOf(chain: TestChain): TestChain {
  const fork = new TestChain(chain.registerId).sealMany(badDocket - 1, sizeOf(chain));
  fork.seal(['"the other side"']);
  return fork.sealMany(chain.bundles.length - 1 - badDocket, sizeOf(chain));
}

// biome-ignore lint/correctness/useYield: it refuses before it gives anything.
async function* refusing(name: Parameters<typeof refuse>[0]): AsyncGenerator<Uint8Array> {
  throw refuse(name, { message: `This source says ${name}`, retryAfterMs: 200 });
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}
