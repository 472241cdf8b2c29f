import { subscribe, subscriptionOf } from "./subscriptions.ts";

/** Follows a register that this node seals with others, whole and pinned. */
export async function keepUp(registerId: string, genesisHash: string): Promise<void> {
  if (subscriptionOf(registerId) !== null) return;
  await subscribe({ registerId, mode: "FullReplica", genesisHash });
}
