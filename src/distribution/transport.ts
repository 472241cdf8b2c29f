import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import type { Channel } from "../wire/client.ts";
import { gzip, unpack } from "../wire/packing.ts";
import { distribution } from "../wire/services.ts";
import type { Wanted } from "./chase.ts";
import type { Announcement, Answer } from "./gossip.ts";

/** How gossip speaks on the wire, over a peer's channel. */
export interface Speaker {
  nodeId: string;
  nowMs: () => number;
}

/**
 * Tells a peer; one that knows the older contract only is told one by one. Throws a `PeerError`
 * when it can't be reached, or refuses.
 */
export async function tellPeer(
  channel: Channel,
  announcement: Announcement,
  speaker: Speaker & { readsBatches: boolean },
): Promise<Answer> {
  const { registerId, items, isLazy } = announcement;
  const say = (batch: Announcement["items"]) => {
    const [first, ...more] = batch.map(({ transactionId, bytes }) => ({
      transactionHash: transactionId,
      transactionSize: bytes,
    }));
    const draft = {
      ...first,
      senderPeerId: speaker.nodeId,
      timestamp: Math.floor(speaker.nowMs() / 1_000),
      registerId,
      more,
      isRepair: isLazy,
    };
    const deadlineMs = limits.gossip.tellTimeoutMs;
    return channel.unary(distribution.notifyTransaction, draft, { deadlineMs });
  };
  if (speaker.readsBatches) return say(items);
  const together: Answer = { alreadyKnown: true, willRequest: false };
  for (const item of items) {
    const answer = await say([item]);
    together.alreadyKnown &&= answer.alreadyKnown;
    together.willRequest ||= answer.willRequest;
  }
  return together;
}

/** Chunks that came before a stream broke off: the next one, of whomever, goes on behind them. */
export interface Parts {
  chunks: Uint8Array[];
  totalChunks: number;
}

/**
 * The body, or null where the peer doesn't have it. Large ones come as a stream, of which `parts`
 * keeps what came, so that it need not come again. Throws a `PeerError`: `bad-answer` for chunks
 * out of order or too many, or why the peer could not be asked.
 */
export async function fetchBody(
  channel: Channel,
  wanted: Wanted,
  given: Speaker & { signal: AbortSignal; parts: Parts },
): Promise<Uint8Array | null> {
  const { registerId, transactionId: transactionHash } = wanted;
  const { nodeId: requestingPeerId, signal } = given;
  const question = { transactionHash, requestingPeerId, registerId, acceptEncoding: gzip };
  if (wanted.bytes > limits.streamedTransactionBytes) {
    return fetchStream(channel, question, given);
  }
  const deadlineMs = deadlineOf(wanted.bytes);
  const answer = await channel.unary(distribution.getTransaction, question, { deadlineMs, signal });
  if (!answer.found) return null;
  const { transactionData: data, encoding } = answer;
  return unpack({ data, encoding }, limits.transactionBytes);
}

/** Longest wait for a body of that size; a silent stream is given up sooner. */
function deadlineOf(bytes: number): number {
  const slowMs = (1_000 * bytes) / limits.gossip.slowBytesPerSecond;
  return Math.ceil(limits.gossip.fetchTimeoutMs + 10 * slowMs);
}

async function fetchStream(
  channel: Channel,
  question: { transactionHash: string; registerId: string; acceptEncoding: string },
  { signal, parts }: { signal: AbortSignal; parts: Parts },
): Promise<Uint8Array | null> {
  const { chunks } = parts;
  const request = { ...question, fromChunk: chunks.length };
  const silenceMs = limits.gossip.fetchTimeoutMs;
  let next: number | null = null;
  try {
    const answers = channel.stream(distribution.streamTransaction, request, { signal, silenceMs });
    for await (const chunk of answers) {
      const { chunkIndex, totalChunks, chunkData: data, encoding } = chunk;
      // Who can't go on behind what came begins anew.
      next ??= chunkIndex === 0 ? 0 : request.fromChunk;
      if (chunkIndex !== next || !isTotal(totalChunks, parts)) throw disorder(chunks, chunkIndex);
      parts.totalChunks = totalChunks;
      chunks[next] = unpack({ data, encoding }, limits.transactionChunkBytes);
      next += 1;
      if (next === totalChunks) break;
    }
  } catch (error) {
    if (error instanceof PeerError && error.kind === "not-found") return null;
    throw error;
  }
  if (parts.totalChunks === 0 || chunks.length < parts.totalChunks) {
    throw new PeerError("network", "cut-short", {
      message: `The stream ended after ${chunks.length} of ${parts.totalChunks} chunks`,
    });
  }
  return Buffer.concat(chunks.splice(0));
}

/** It stays the same, and is no more than the largest transaction has. */
function isTotal(totalChunks: number, { totalChunks: before, chunks }: Parts): boolean {
  const most = Math.ceil(limits.transactionBytes / limits.transactionChunkBytes);
  const isSame = before === 0 || chunks.length === 0 || totalChunks === before;
  return isSame && totalChunks >= 1 && totalChunks <= most;
}

/** What came is not to be trusted either. */
function disorder(chunks: Uint8Array[], index: number): PeerError {
  const expected = chunks.length;
  chunks.length = 0;
  return new PeerError("network", "bad-answer", {
    message: `Chunk ${index} came where chunk ${expected} should have`,
  });
}
