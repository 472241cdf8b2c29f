import { PeerError } from "../base/error.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import type { DocketEntry } from "../wire/messages.ts";
import { registerSync } from "../wire/services.ts";
import type { PulledPage, PullOptions } from "./pull.ts";
import { falseFrame } from "./trouble.ts";

/**
 * The same stream of pages from a peer that speaks only the Sorcha-compatible RPCs: the chain by
 * `PullDocketChain`, the bodies by `PullDocketTransactions`, and `SubscribeToRegister` as the bell
 * that rings when there is more. Whatever rings, the chain is pulled again from the cursor: events
 * carry single transactions, and those are believed only inside their docket.
 */
export async function* pullCompatible(
  source: Source,
  options: PullOptions,
): AsyncGenerator<PulledPage, void, void> {
  let nextNumber = options.nextNumber;
  const bell = options.channel.stream(
    registerSync.subscribeToRegister,
    { registerId: options.registerId, peerId: options.nodeId, fromVersion: 0, filters: null },
    { signal: options.signal },
  );
  const rings = bell[Symbol.asyncIterator]();
  try {
    // Listen first, then read: what is sealed in between rings instead of being missed.
    let ring = rings.next();
    ring.catch(() => undefined);
    for (;;) {
      for await (const page of pullChain(source, { ...options, nextNumber })) {
        nextNumber += page.docketCount;
        yield page;
      }
      const rung = await ring;
      if (rung.done) return;
      ring = rings.next();
      ring.catch(() => undefined);
    }
  } finally {
    await rings.return?.();
  }
}

/** All dockets from the cursor to the source's end, then one empty page that says where that is. */
async function* pullChain(
  source: Source,
  options: PullOptions,
): AsyncGenerator<PulledPage, void, void> {
  let nextNumber = options.nextNumber;
  // The first docket shows how large bodies are; then as many are asked for as fill a frame.
  let transactionsAtOnce = 1;
  for (;;) {
    const entries = await readChain(source, { ...options, nextNumber });
    let rest = entries;
    while (rest.length > 0) {
      const run = runOf(rest, transactionsAtOnce);
      const bundles = await completeRun(run, options);
      const bytes = bundles.reduce((sum, bundle) => sum + bundle.length, 0);
      transactionsAtOnce = fittingCount(run, bytes);
      for (const part of inFrames(bundles)) {
        yield pageOf(part, { source, options, nextNumber });
        nextNumber += part.length;
      }
      rest = rest.slice(run.length);
    }
    if (entries.length < options.pullDocketCount) break;
  }
  yield pageOf([], { source, options, nextNumber });
}

/** The next dockets' headers. The cursor excludes its docket, and 0 includes the genesis docket. */
async function readChain(
  source: Source,
  options: PullOptions & { nextNumber: number },
): Promise<DocketEntry[]> {
  const { nextNumber } = options;
  const entries: DocketEntry[] = [];
  const isKnown = (entry: DocketEntry) => entry.version < nextNumber;
  const stream = options.channel.stream(
    registerSync.pullDocketChain,
    {
      registerId: options.registerId,
      peerId: options.nodeId,
      fromVersion: Math.max(0, nextNumber - 1),
      // One more than wanted where the answer may begin with docket 0, which is then known.
      maxDockets: options.pullDocketCount + (nextNumber === 1 ? 1 : 0),
    },
    { signal: options.signal, silenceMs: options.pullTimeoutMs },
  );
  for await (const entry of stream) {
    if (isKnown(entry)) continue;
    if (entry.version !== nextNumber + entries.length) {
      const docketNumber = nextNumber + entries.length;
      const why = `docket ${entry.version} where ${docketNumber} comes`;
      throw falseFrame("number", { peerId: source.peerId, docketNumber, why });
    }
    entries.push(entry);
    if (entries.length >= options.pullDocketCount) break;
  }
  return entries;
}

/**
 * Fetches the bodies of a run of dockets in as few calls as their ids allow, and puts each docket's
 * in the order of its leaves. What the source leaves out is missing here too: the verifier names
 * it.
 */
async function completeRun(
  run: readonly DocketEntry[],
  options: PullOptions,
): Promise<Uint8Array[]> {
  const leaves = run.map((entry) => {
    const decoded = decodeDocket(entry.docketData);
    return decoded.ok ? decoded.value.transactions.map((leaf) => leaf.transactionId) : [];
  });
  const bodies = await fetchBodies(leaves.flat(), options);
  if (bodies === null && run.length > 1) {
    const half = Math.ceil(run.length / 2);
    const first = await completeRun(run.slice(0, half), options);
    return [...first, ...(await completeRun(run.slice(half), options))];
  }
  if (bodies === null) {
    throw new PeerError("too-large", "docket-too-large", {
      message: `The source sends more than ${runBytesMax} bytes for docket ${run[0]?.version}`,
    });
  }
  return run.map((entry, index) =>
    encodeBundle({
      docketData: entry.docketData,
      transactionData: (leaves[index] ?? []).flatMap((id) => bodies.get(id) ?? []),
    }),
  );
}

/** Null when they are more than a run may hold in memory. */
async function fetchBodies(
  wanted: readonly string[],
  options: PullOptions,
): Promise<Map<string, Uint8Array> | null> {
  const bodies = new Map<string, Uint8Array>();
  let bytes = 0;
  for (let at = 0; at < wanted.length; at += limits.pullTransactionIds) {
    const stream = options.channel.stream(
      registerSync.pullDocketTransactions,
      {
        registerId: options.registerId,
        peerId: options.nodeId,
        transactionIds: wanted.slice(at, at + limits.pullTransactionIds),
      },
      { signal: options.signal, silenceMs: options.pullTimeoutMs },
    );
    for await (const body of stream) {
      bytes += body.transactionData.length;
      if (bytes > runBytesMax) return null;
      bodies.set(body.transactionId, body.transactionData);
    }
  }
  return bodies;
}

/** Entries from the front with up to `count` transactions; at least one entry. */
function runOf(entries: readonly DocketEntry[], count: number): DocketEntry[] {
  let transactions = 0;
  const end = entries.findIndex((entry, index) => {
    transactions += entry.transactionIds.length;
    return index > 0 && transactions > count;
  });
  return entries.slice(0, end === -1 ? entries.length : end);
}

/** How many transactions of this run's size make a frame. */
function fittingCount(run: readonly DocketEntry[], bytes: number): number {
  const count = run.reduce((sum, entry) => sum + entry.transactionIds.length, 0);
  const each = Math.max(1, bytes / Math.max(1, count));
  return Math.min(limits.pullTransactionIds, Math.max(1, Math.floor(limits.frameBytes / each)));
}

/** Parts of the run of about a frame each. */
function* inFrames(bundles: readonly Uint8Array[]): Iterable<Uint8Array[]> {
  let part: Uint8Array[] = [];
  let bytes = 0;
  for (const bundle of bundles) {
    if (part.length > 0 && bytes + bundle.length > limits.frameBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(bundle);
    bytes += bundle.length;
  }
  if (part.length > 0) yield part;
}

/** Where bodies turn out larger than expected, the run is fetched again in halves. */
const runBytesMax = 2 * limits.messageBytes;

function pageOf(
  bundles: readonly Uint8Array[],
  made: { source: Source; options: PullOptions; nextNumber: number },
): PulledPage {
  const { source, options, nextNumber } = made;
  const isEnd = bundles.length === 0;
  const told = source.advert.latestDocketVersion;
  return {
    registerId: options.registerId,
    bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }),
    nextNumber,
    docketCount: bundles.length,
    sourceHeadNumber: isEnd ? nextNumber - 1 : Math.max(told, nextNumber + bundles.length),
    sourcePeerId: source.peerId,
  };
}
