import { owned } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { scanPage } from "../dockets/bundle.ts";
import type { Source } from "../peers/adverts.ts";
import type { Channel } from "../wire/client.ts";
import { replication } from "../wire/services.ts";
import { pullCompatible } from "./pull-compatible.ts";

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
  signal: AbortSignal;
}

/**
 * Step 2 of the road: what a source has from a cursor on, the past first and then live, as one
 * stream of pages. With a peer that doesn't speak our protocol it is made of the Sorcha-compatible
 * calls. Ends when the source ends it; throws when the source fails or sends what was not asked for.
 */
export function pullPages(source: Source, options: PullOptions): AsyncIterable<PulledPage> {
  return options.usesReplication ? pullFollowing(source, options) : pullCompatible(source, options);
}

async function* pullFollowing(
  source: Source,
  options: PullOptions,
): AsyncGenerator<PulledPage, void, void> {
  const { registerId, signal } = options;
  let nextNumber = options.nextNumber;
  const frames = options.channel.stream(
    replication.follow,
    { registerId, nextDocket: nextNumber, transactionTypes: [], participantIds: [] },
    { signal, silenceMs: silenceAllowedMs },
  );
  let sourceHeadNumber = Number.POSITIVE_INFINITY;
  function silenceAllowedMs(): number | null {
    // A source that has given all it has may be silent for as long as nothing happens.
    return sourceHeadNumber >= nextNumber ? options.pullTimeoutMs : null;
  }
  for await (const frame of frames) {
    const page = toPage(frame, { source, registerId, nextNumber });
    nextNumber += page.docketCount;
    sourceHeadNumber = page.sourceHeadNumber;
    yield page;
  }
}

/** The frame as a page, its framing read once; the documents inside are not looked at here. */
export function toPage(
  frame: Uint8Array,
  asked: { source: Source; registerId: string; nextNumber: number },
): PulledPage {
  const bytes = owned(frame);
  const scanned = scanPage(bytes);
  if (!scanned.ok) {
    throw new PeerError("invalid", "bad-frame", {
      message: `Peer ${asked.source.peerId} sent a frame that is none: ${scanned.refusal.message}`,
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
