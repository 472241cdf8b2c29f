import { pickSome } from "../base/prng.ts";
import { limits } from "../runtime/limits.ts";
import type { Channel } from "../wire/client.ts";
import { discovery } from "../wire/services.ts";
import { networkGroup } from "./address.ts";
import type { Book } from "./book.ts";
import { infoOf, recordOf } from "./messages.ts";
import type { Peer } from "./peer.ts";
import { isSigned, type PeerRecord } from "./record.ts";

/**
 * Gives the peer some of ours and takes some of its peers. An answer longer than was asked for is
 * dropped whole. Gives how many were new; throws when the peer does not answer.
 */
export async function exchange(
  peer: Peer,
  call: {
    nodeId: string;
    book: Book;
    channel: Channel;
    timeoutMs: number;
    signal: AbortSignal;
    dice: () => number;
  },
): Promise<number> {
  const { book, dice } = call;
  const answer = await call.channel.unary(
    discovery.exchangePeers,
    {
      peerId: call.nodeId,
      knownPeers: tellable(book, { askerId: peer.peerId, dice }).map(infoOf),
      maxPeers: limits.exchangePeers,
    },
    { deadlineMs: call.timeoutMs, signal: call.signal },
  );
  if (!answer.success || book.isResting(peer)) return 0;
  if (answer.knownPeers.length > limits.exchangePeers) {
    const what = `It sent ${answer.knownPeers.length} peers where ${limits.exchangePeers} were asked for`;
    book.reportFailure(peer.peerId, { code: "too-many-peers", what, weight: 5 });
    return 0;
  }
  return hear(book, { records: answer.knownPeers.map(recordOf), tellerHost: peer.host });
}

/**
 * Takes in what somebody says of others, filed under his network group. Gives how many were new.
 */
export function hear(
  book: Book,
  said: { records: readonly PeerRecord[]; tellerHost: string },
): number {
  const sourceGroup = networkGroup(said.tellerHost);
  const learned = said.records.map((record) => book.learn(record, "gossip", { sourceGroup }));
  return learned.filter((one) => one.kind === "new").length;
}

/**
 * Records fit to be passed on, by chance: of peers that are connected, so that nobody who is gone
 * is told of for long, as they signed them.
 */
export function tellable(book: Book, asked: { askerId: string; dice: () => number }): PeerRecord[] {
  const told = book.connected().flatMap((peer) => {
    const isFit = peer.peerId !== asked.askerId && peer.record !== null && !book.isResting(peer);
    const record = isFit ? withoutPrivate(peer.record as PeerRecord) : null;
    return record === null ? [] : [{ ...record, lastSeenMs: peer.lastSeenMs }];
  });
  return pickSome(told, limits.exchangePeers, asked.dice);
}

/** What a peer told of private registers is not ours to tell; a signed record can't be cut. */
function withoutPrivate(record: PeerRecord): PeerRecord | null {
  const adverts = record.adverts.filter((advert) => advert.isPublic);
  if (adverts.length === record.adverts.length) return record;
  return isSigned(record) ? null : { ...record, adverts };
}
