import { book } from "../peers/book.ts";
import { quarantine } from "../peers/standing.ts";
import type { Fault } from "./gossip.ts";

/**
 * What a teller loses by what it told. Only a peer that proved its name gets here: otherwise anyone
 * could tell in its name what it doesn't have.
 */
export function blameTeller(peerId: string, fault: { kind: Fault; reason: string }): void {
  const { kind, reason } = fault;
  if (kind === "false") {
    // Whoever passes a body on has checked it: the last one made it false.
    const what = `It served a false transaction: ${reason}`;
    book().reportFailure(peerId, { code: "false-transaction", what, weight: lieWeight });
    quarantine(book(), peerId, { code: "false-transaction", reason: what });
    return;
  }
  const what = kind === "missing" ? `About a transaction: ${reason}` : `Not served: ${reason}`;
  book().reportFailure(peerId, {
    code: `transaction-${kind}`,
    what,
    weight: kind === "missing" ? 2 : 1,
  });
}

/** As much as a false docket. */
const lieWeight = 20;
