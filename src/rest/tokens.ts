import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import type { Caller } from "../trust/tokens.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";

export async function revokeToken(
  call: Call<Endpoints["revokeToken"]>,
): Promise<Reply<Endpoints["revokeToken"]>> {
  const { token, tokenId } = call.body;
  // Nobody remembers when a token of that id was made: it is kept for as long as one may live.
  if (tokenId !== undefined) return revoke(call, tokenId, call.nowMs + limits.tokenLifetimeMs);
  const holder = await holderOf(call, token ?? "");
  return revoke(call, holder.tokenId, holder.expiresAtMs + limits.tokenGraceMs);
}

export async function revokeOwnToken(
  call: Call<Endpoints["revokeOwnToken"]>,
): Promise<Reply<Endpoints["revokeOwnToken"]>> {
  if (call.caller.isAnonymous) throw nothingToRevoke("This call has no token");
  const { tokenId, expiresAtMs } = call.caller;
  return revoke(call, tokenId, expiresAtMs + limits.tokenGraceMs);
}

async function revoke(
  call: Pick<Call<unknown>, "source">,
  tokenId: string,
  untilMs: number,
): Promise<{ body: { tokenId: string; revokedUntil: string } }> {
  await call.source.revokeToken(tokenId, untilMs);
  return { body: { tokenId, revokedUntil: new Date(untilMs).toISOString() } };
}

/** A token that gives no access needs no revoking; a mistyped one should be noticed. */
async function holderOf(call: Pick<Call<unknown>, "gate">, token: string) {
  const holder: Caller = await call.gate.callerOf(`Bearer ${token}`).catch((thrown) => {
    if (thrown instanceof PeerError && thrown.kind === "unauthenticated") {
      throw nothingToRevoke(`There is nothing to revoke: ${thrown.message}`);
    }
    throw thrown;
  });
  if (holder.isAnonymous) throw nothingToRevoke("There is nothing to revoke");
  return holder;
}

function nothingToRevoke(message: string): PeerError {
  return new PeerError("unprocessable", "nothing-to-revoke", { message });
}
