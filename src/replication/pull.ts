import { apart } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodePage, scanPage } from "../dockets/bundle.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Channel } from "../wire/client.ts";
import { replication } from "../wire/services.ts";
import { pullCompatible } from "./pull-compatible.ts";
import { falseFrame } from "./trouble.ts";

/** A frame from a source, checked as far as that goes without reading a document. */
export interface PulledPage {
  registerId: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Number that its first docket must have. */
  nextNumber: number;
  docketCount: number;
  /** The source's newest docket, as it says; -1 where it didn't. A hint for progress. */
  sourceHeadNumber: number;
  sourcePeerId: string;
}

export interface PullOptions {
  registerId: string;
  nextNumber: number;
  channel: Channel;
  nodeId: string;
  /** Longest silence of a source that is ahead of us. */
  pullTimeoutMs: number;
  pullDocketCount: number;
  /** Both sides speak our own protocol. */
  usesReplication: boolean;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Step 2 of the road: what a source has from a cursor on, the past first and then live, as one
 * stream of pages. With a peer that doesn't speak our protocol it is made of the Sorcha-compatible
 * calls. Ends when the source ends it; throws when the source fails or sends what was not asked
 * for.
 */
export function pullPages(source: Source, options: PullOptions): AsyncIterable<PulledPage> {
  return options.usesReplication ? pullFollowing(source, options) : pullCompatible(source, options);
}

async function* pullFollowing(
  source: Source,
  options: PullOptions,
): AsyncGenerator<PulledPage, void, void> {
  const { registerId, signal, clock, pullTimeoutMs } = options;
  let nextNumber = options.nextNumber;
  let sourceHeadNumber = Number.POSITIVE_INFINITY;
  let dueMs = clock.monotonicMs() + pullTimeoutMs;
  let emptyCount = 0;
  const frames = options.channel.stream(
    replication.follow,
    { registerId, nextDocket: nextNumber, transactionTypes: [], participantIds: [] },
    { signal, silenceMs: silenceAllowedMs },
  );
  function silenceAllowedMs(): number | null {
    // A source that has given all it has may be silent for as long as nothing happens.
    if (sourceHeadNumber < nextNumber) return null;
    return Math.max(1, dueMs - clock.monotonicMs());
  }
  for await (const frame of frames) {
    const page = toPage(frame, { source, registerId, nextNumber });
    nextNumber += page.docketCount;
    // Only dockets are progress: a source that says much and gives nothing is silent.
    if (page.docketCount > 0 || sourceHeadNumber < nextNumber) {
      dueMs = clock.monotonicMs() + pullTimeoutMs;
    }
    emptyCount = page.docketCount > 0 ? 0 : emptyCount + 1;
    if (emptyCount > emptyFramesMax) throw emptyTalk(source);
    sourceHeadNumber = page.sourceHeadNumber;
    yield page;
  }
  if (sourceHeadNumber >= nextNumber) throw endedEarly(source, { sourceHeadNumber, nextNumber });
}

/**
 * A run of at most `docketCount` dockets as pages. Ends before that where the source has no more,
 * or
 * closes the run at its own bound of bytes; throws as `pullPages` does.
 */
export async function* pullRange(
  source: Source,
  options: Omit<PullOptions, "pullDocketCount" | "usesReplication"> & {
    docketCount: number;
    bytesMax?: number;
  },
): AsyncGenerator<PulledPage, void, void> {
  const { registerId, signal, docketCount } = options;
  let { nextNumber } = options;
  const end = nextNumber + docketCount;
  const frames = options.channel.stream(
    replication.pullRange,
    {
      registerId,
      nextDocket: nextNumber,
      docketCountMax: docketCount,
      bytesMax: Math.min(options.bytesMax ?? limits.rangeBytes, limits.rangeBytes),
      headersOnly: false,
      controlOnly: false,
    },
    { signal, silenceMs: options.pullTimeoutMs },
  );
  for await (const frame of frames) {
    const page = toPage(frame, { source, registerId, nextNumber });
    nextNumber += page.docketCount;
    if (nextNumber > end) {
      const why = `${nextNumber - end} dockets more than the ${docketCount} asked for`;
      throw falseFrame("number", { peerId: source.peerId, docketNumber: end, why });
    }
    yield page;
    if (page.docketCount === 0) return;
  }
}

/** Frames without a docket in a row; an honest source sends one. */
const emptyFramesMax = 64;

function emptyTalk(source: Source): PeerError {
  return new PeerError("network", "no-progress", {
    message: `Peer ${source.peerId} sends frame after frame without a docket`,
  });
}

function endedEarly(
  source: Source,
  at: { sourceHeadNumber: number; nextNumber: number },
): PeerError {
  return new PeerError("network", "ended-early", {
    message:
      at.sourceHeadNumber === Number.POSITIVE_INFINITY
        ? `Peer ${source.peerId} ended the stream without a word`
        : `Peer ${source.peerId} ended the stream before docket ${at.nextNumber}, although it has ${at.sourceHeadNumber}`,
  });
}

/** The frame as a page, its framing read once; the documents inside are not looked at here. */
export function toPage(
  frame: Uint8Array,
  asked: { source: Source; registerId: string; nextNumber: number },
): PulledPage {
  const bytes = apart(frame);
  const scanned = scanPage(bytes);
  if (!scanned.ok) {
    const why = `a frame that is none: ${scanned.refusal.message}`;
    throw falseFrame(scanned.refusal.code, {
      peerId: asked.source.peerId,
      docketNumber: asked.nextNumber,
      why,
    });
  }
  const docketCount = scanned.value.bundles.length;
  return {
    registerId: asked.registerId,
    bytes,
    nextNumber: asked.nextNumber,
    docketCount,
    // Protobuf leaves zeros out: of a source that can serve at all the lowest head is docket 0.
    sourceHeadNumber: Math.max(scanned.value.headNumber, asked.nextNumber + docketCount - 1),
    sourcePeerId: asked.source.peerId,
  };
}

/** The dockets of a page that another source has not brought yet. */
export function partOf(page: PulledPage, part: { skip: number; take: number }): PulledPage {
  const scanned = scanPage(page.bytes);
  if (!scanned.ok) return page;
  const wanted = scanned.value.bundles.slice(part.skip, part.skip + part.take);
  const bundles = wanted.map(({ offset, length }) => page.bytes.subarray(offset, offset + length));
  return {
    ...page,
    bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }),
    nextNumber: page.nextNumber + part.skip,
    docketCount: part.take,
  };
}
