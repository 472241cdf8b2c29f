import { PeerError } from "../base/error.ts";
import type { Caller } from "../trust/tokens.ts";
import type { Access } from "./endpoint.ts";

/** Throws unless the caller may do what asks for `access`. */
export function requireAccess(
  caller: Caller,
  access: Access,
  options: { managePeersByOrg: boolean },
): void {
  if (access === "anonymous") return;
  if (caller.isAnonymous) {
    throw new PeerError("unauthenticated", "bad-token", { message: "This needs a bearer token" });
  }
  if (caller.isPeer) {
    throw new PeerError("forbidden", "peer-token", {
      message: "This needs an operator's token; the token that came is a peer's",
    });
  }
  if (access === "authenticated" || caller.isService) return;
  if (access === "manage-peers") {
    if (mayManagePeers(caller, { byOrg: options.managePeersByOrg })) return;
    throw new PeerError("forbidden", "needs-administrator", {
      message: "This needs an administrator's token or a service's",
    });
  }
  throw new PeerError("forbidden", "needs-service-token", {
    message: "This needs a service token; the token that came is a user's",
  });
}

/** Administrators manage peers; `byOrg`: any member of an organisation, as in the .NET service. */
export function mayManagePeers(caller: Caller, options: { byOrg: boolean }): boolean {
  if (caller.isAnonymous || caller.isPeer) return false;
  if (caller.isService) return true;
  if (caller.orgId === null || caller.orgId === "") return false;
  return options.byOrg || caller.roles.some((role) => /^(Administrator|SystemAdmin)$/.test(role));
}
