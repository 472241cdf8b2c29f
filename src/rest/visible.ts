import { PeerError } from "../base/error.ts";
import type { Caller } from "./auth.ts";
import type { HeldRegister, RestSource } from "./source.ts";

/** Public registers are for anyone; what else this node holds is for callers with a good token. */
export function isVisible(register: { isPublic: boolean }, caller: Caller): boolean {
  return register.isPublic || !caller.isAnonymous;
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
