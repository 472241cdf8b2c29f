import { PeerError } from "../base/error.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import type { DocketEntry } from "../wire/messages.ts";
import { registerSync } from "../wire/services.ts";
import type { PulledPage, PullOptions } from "./pull.ts";

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
  for (;;) {
    const entries = await readChain(nextNumber, options);
    for (const run of inFrames(entries)) {
      const bundles: Uint8Array[] = [];
      for (const entry of run) bundles.push(await completeEntry(entry, options));
      yield pageOf(bundles, { source, options, nextNumber });
      nextNumber += run.length;
    }
    if (entries.length < options.pullDocketCount) break;
  }
  yield pageOf([], { source, options, nextNumber });
}

/** The next dockets' headers. The cursor excludes its docket, and 0 includes the genesis docket. */
async function readChain(nextNumber: number, options: PullOptions): Promise<DocketEntry[]> {
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
      throw new PeerError("invalid", "out-of-order", {
        message: `The source sent docket ${entry.version} where ${nextNumber + entries.length} comes`,
      });
    }
    entries.push(entry);
    if (entries.length >= options.pullDocketCount) break;
  }
  return entries;
}

/** Fetches a docket's bodies and puts them in the order of its leaves. */
async function completeEntry(entry: DocketEntry, options: PullOptions): Promise<Uint8Array> {
  const decoded = decodeDocket(entry.docketData);
  if (!decoded.ok) {
    // The verifier names what is wrong with it; without leaves there is nothing to fetch.
    return encodeBundle({ docketData: entry.docketData, transactionData: [] });
  }
  const wanted = decoded.value.transactions.map((leaf) => leaf.transactionId);
  const bodies = new Map<string, Uint8Array>();
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
    for await (const body of stream) bodies.set(body.transactionId, body.transactionData);
  }
  const transactionData = wanted.flatMap((id) => bodies.get(id) ?? []);
  return encodeBundle({ docketData: entry.docketData, transactionData });
}

/** Runs of entries whose headers suggest about a frame's worth. */
function* inFrames(entries: readonly DocketEntry[]): Iterable<DocketEntry[]> {
  let run: DocketEntry[] = [];
  let transactions = 0;
  for (const entry of entries) {
    run.push(entry);
    transactions += entry.transactionIds.length;
    if (run.length < 20 && transactions < 500) continue;
    yield run;
    run = [];
    transactions = 0;
  }
  if (run.length > 0) yield run;
}

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
