import { isEqual } from "../base/bytes.ts";
import type { BookOptions, Teller } from "./learned.ts";
import type { Peer } from "./peer.ts";
import { isSigned, type PeerRecord } from "./record.ts";

export interface Claim {
  record: PeerRecord;
  teller: Teller;
  /** Certificate, token or the name itself vouch for whoever tells it. */
  isCertified: boolean;
}

/**
 * same     nothing new
 * met      the peer itself shows what is known already
 * newer    it replaces what is known
 * owner    another key, whose holder is certified where the known one is not: he takes the name
 * contest  another key, or none, under a name that has one: refused
 * forged   its signature is not true
 */
export type Verdict = "same" | "met" | "newer" | "owner" | "contest" | "forged";

/**
 * What a record under a known name is worth. Who came first keeps the name, except that who is
 * certified takes it from who is not: a stranger's record must not keep the owner out. A certified
 * name with another key is a wiped data directory, or somebody who has its certificate: operators
 * decide.
 */
export function verdictOn(claim: Claim, known: Peer, isGenuine: BookOptions["isGenuine"]): Verdict {
  const { record, teller, isCertified } = claim;
  if (known.publicKey !== null) {
    const isSameKey = record.publicKey !== null && isEqual(known.publicKey, record.publicKey);
    if (!isSameKey || !isSigned(record)) {
      const mayOwn = isCertified && !known.isCertified;
      return mayOwn && (!isSigned(record) || isGenuine(record)) ? "owner" : "contest";
    }
    // Cheap before dear: what is not newer changes nothing, true or not.
    if (record.seq <= known.seq && teller !== "itself") return "same";
    if (!isGenuine(record)) return "forged";
    return record.seq > known.seq ? "newer" : "met";
  }
  const isTrue = isSigned(record) && isGenuine(record);
  if (isSigned(record) && !isTrue) return "forged";
  if (teller === "itself" || isCertified) return "newer";
  if (known.isCertified) return "same";
  // A name without a key is anybody's: it moves when it is found there, or is lost here anyway.
  const isLost = known.connection !== "connected" && known.failureCount >= 2;
  return isTrue || (teller === "caller" && isLost) ? "newer" : "same";
}
