import type { Post } from "../peers/post.ts";
import type { Clock } from "../runtime/clock.ts";
import { checkNodeId } from "../wire/checks.ts";
import type { PeerMessage } from "../wire/distribution-messages.ts";
import type { Draft } from "../wire/messages.ts";
import { answer, type Caller, converse, type Handler } from "../wire/serve.ts";
import { communication } from "../wire/services.ts";

/** `PeerCommunication`: messages from peer to peer, one by one or on a line that stays open. */
export function communicationHandlers(post: () => Post, around: { clock: Clock }): Handler[] {
  return [
    answer(communication.sendMessage, async (message, caller) => {
      await post().take(message, caller);
      return { received: true, timestamp: around.clock.nowMs() };
    }),
    converse(communication.stream, (messages, caller) => keepLine(messages, { caller, post })),
  ];
}

/**
 * What comes in is read, what we have to say goes out. The first message says whose line it is; a
 * message that nobody reads ends the line with the reason.
 */
async function* keepLine(
  messages: AsyncIterable<PeerMessage>,
  options: { caller: Caller; post: () => Post },
): AsyncGenerator<Draft<PeerMessage>> {
  const { caller, post } = options;
  const incoming = messages[Symbol.asyncIterator]();
  const first = await incoming.next();
  if (first.done) return;
  const peerId = first.value.senderPeerId;
  checkNodeId("sender_peer_id", peerId);
  await post().take(first.value, caller);
  const stop = new AbortController();
  let failed: unknown = null;
  readOn(incoming, (message) => post().take(message, caller))
    .catch((error) => {
      failed = error;
    })
    .finally(() => stop.abort());
  caller.signal.addEventListener("abort", () => stop.abort(), { once: true });
  try {
    yield* post().line(peerId, { asker: caller, signal: stop.signal });
  } finally {
    stop.abort();
  }
  // Ended by another line of the peer, the caller may say nothing more and not hang up either.
  if (failed !== null && !caller.signal.aborted) throw failed;
}

async function readOn(
  incoming: AsyncIterator<PeerMessage>,
  take: (message: PeerMessage) => Promise<void>,
): Promise<void> {
  for (let next = await incoming.next(); !next.done; next = await incoming.next()) {
    await take(next.value);
  }
}
