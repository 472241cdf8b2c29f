import type { Policy } from "../dockets/types.ts";
import type { Advert } from "../peers/advert.ts";
import { isAdvertised } from "../peers/advert-settings.ts";
import { listRegisters, type RegisterState } from "../registers/heads.ts";
import { subscriptionOf } from "./subscriptions.ts";

/**
 * What this node tells others it holds: registers it seals and registers it follows, as they stand
 * in the store. What was kept after an unsubscribe, or is paused, is not offered. `readerId`
 * null is anybody.
 */
export function localAdverts(readerId: string | null): Advert[] {
  return listRegisters().flatMap((register) => {
    if (!mayRead(register, readerId) || !isAdvertised(register.registerId)) return [];
    const state = syncStateOf(register);
    return state === null ? [] : [advertOf(register, state)];
  });
}

/** Whether the peer may be told of the register and served from it. */
export function mayRead(register: { policy: Policy }, readerId: string | null): boolean {
  const { policy } = register;
  if (policy.isPublic) return true;
  if (readerId === null) return false;
  const isValidator = policy.validators.some((validator) => validator.validatorId === readerId);
  return isValidator || (policy.readers ?? []).includes(readerId);
}

function syncStateOf(register: RegisterState): Advert["syncState"] | null {
  const subscription = subscriptionOf(register.registerId);
  if (subscription !== null) return subscription.pausedAt === null ? subscription.syncState : null;
  return register.isOrigin ? "FullyReplicated" : null;
}

function advertOf(register: RegisterState, syncState: Advert["syncState"]): Advert {
  return {
    registerId: register.registerId,
    syncState,
    latestVersion: register.latestVersion,
    latestDocketVersion: register.headNumber,
    docketCount: register.headNumber + 1,
    hasFullReplica: register.firstNumber === 0 && syncState === "FullyReplicated",
    isPublic: register.policy.isPublic,
    genesisHash: register.genesisHash,
    name: register.name,
    description: register.description,
  };
}
