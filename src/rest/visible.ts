import { PeerError } from "../base/error.ts";
import type { Policy } from "../dockets/types.ts";
import { mayRead } from "../replication/local-adverts.ts";
import type { Caller } from "../trust/tokens.ts";
import type { PeerView } from "./peer-desk.ts";
import type { AdvertView, HeldRegister, RestSource } from "./source.ts";

/**
 * Public registers are for anyone; what else this node holds is for its operators, and for a peer
 * that shows its token only where the register's policy, if known, makes it a reader.
 */
export function isVisible(
  register: { isPublic: boolean; policy?: Policy },
  caller: Caller,
): boolean {
  if (register.isPublic) return true;
  if (caller.isAnonymous) return false;
  return (
    !caller.isPeer ||
    (register.policy !== undefined && mayRead({ policy: register.policy }, caller.subject))
  );
}

/** What the peer advertises and the caller may see: the first `advertsMax`, and how many. */
export function visibleAdverts(
  peer: PeerView,
  asked: { caller: Caller; advertsMax?: number },
): { shown: AdvertView[]; total: number } {
  const { caller, advertsMax = Number.POSITIVE_INFINITY } = asked;
  const shown: AdvertView[] = [];
  let total = 0;
  // One pass and no lists besides: a thousand peers may tell of a thousand registers each.
  for (const advert of peer.advertisedRegisters) {
    if (!isVisible(advert, caller)) continue;
    total += 1;
    if (shown.length < advertsMax) shown.push(advert);
  }
  return { shown, total };
}

/** The register, or `not-found`: a hidden one looks like one that isn't there. */
export function heldRegister(
  call: { source: RestSource; caller: Caller },
  registerId: string,
): HeldRegister {
  const register = call.source.getRegister(registerId);
  if (register !== null && isVisible(register, call.caller)) return register;
  const hint = call.caller.isAnonymous ? "; a private one needs a token" : "";
  throw new PeerError("not-found", "unknown-register", {
    message: `There is no register ${registerId} here${hint}`,
    facts: { registerId },
  });
}
