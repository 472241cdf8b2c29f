import { type Source, sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { registerOf } from "../registers/heads.ts";
import { shownHead } from "./subscriptions.ts";

/** Where a register ends as far as this node can tell, which may be behind it. */
export interface NetworkView {
  /** Null: nobody said. */
  head: NetworkHead | null;
  /** A source of the register, other than this node, answers at present. */
  isAvailable: boolean;
  /** All who tell of it say that anybody may read it. */
  isPublic: boolean;
}

export interface NetworkHead {
  number: number;
  peerId: string;
  /** It showed the sealed docket; otherwise it only says so. */
  isProven: boolean;
}

/**
 * What others have of a register. A sealed header proves a height. A word counts only of peers that
 * can't show headers, or while nothing is held here that a header could be checked against; and of
 * three or more who tell, one alone is not believed.
 */
export function networkView(registerId: string): NetworkView {
  const tellers = sourcesOf(registerId).filter(isAtFirstHand);
  return {
    head: higher(shownHead(registerId), claimedHead(registerId, tellers)),
    // Two heartbeats without an answer, and a peer is no longer connected.
    isAvailable: tellers.some((source) => source.isConnected),
    isPublic: tellers.every((source) => source.advert.isPublic),
  };
}

function claimedHead(registerId: string, tellers: readonly Source[]): NetworkHead | null {
  const isEmpty = registerOf(registerId) === null;
  const falling = tellers
    .filter((source) => source.isConnected && (isEmpty || !source.speaksReplication))
    .toSorted((a, b) => b.advert.latestDocketVersion - a.advert.latestDocketVersion);
  const believed = falling[falling.length >= 3 ? 1 : 0];
  if (believed === undefined) return null;
  const { peerId, advert } = believed;
  return { number: advert.latestDocketVersion, peerId, isProven: false };
}

function higher(left: NetworkHead | null, right: NetworkHead | null): NetworkHead | null {
  if (left === null || right === null) return left ?? right;
  return right.number > left.number ? right : left;
}

function isAtFirstHand({ peerId, advert }: Source): boolean {
  return book().get(peerId)?.adverts.get(advert.registerId)?.isHearsay === false;
}
