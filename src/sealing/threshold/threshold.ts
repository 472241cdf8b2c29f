/**
 * The group keys of this process: the one `Coordinator`, over the store, the post and the registers
 * that are held here. `node.ts` opens it after the origin, which seals the policies that name new
 * keys; REST and who seals ask it.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { dice } from "../../base/prng.ts";
import { book } from "../../peers/book.ts";
import type { Identity } from "../../peers/identity.ts";
import { post } from "../../peers/post.ts";
import { registerOf } from "../../registers/heads.ts";
import type { Clock } from "../../runtime/clock.ts";
import { logFor } from "../../runtime/log.ts";
import { sql } from "../../store/sql.ts";
import { messageType } from "../../wire/distribution-messages.ts";
import { isWilling, setPolicy } from "../origin.ts";
import { Coordinator } from "./coordinator.ts";
import type { Group } from "./group-keys.ts";
import { ShareLocker } from "./share-locker.ts";
import { deleteGroupEpoch, listGroupEpochs, saveGroupEpoch } from "./threshold-keys-table.ts";

let coordinator: Coordinator | null = null;
let readers: { stop: () => void }[] = [];

export async function open(options: { identity: Identity; clock: Clock }): Promise<void> {
  assert(coordinator === null, "group keys are opened once");
  const { identity, clock } = options;
  const locker = new ShareLocker(identity.secretFor("threshold-shares-v1"), randomBytes);
  const opening = new Coordinator({
    me: { validatorId: identity.nodeId, publicKey: identity.publicKey, sign: identity.sign },
    clock,
    dice,
    log: logFor("threshold"),
    random: randomBytes,
    send: (peerId, letter) => post().send(peerId, letter),
    store: {
      list: () => listGroupEpochs(sql(), locker),
      save: (epoch) => saveGroupEpoch(sql(), epoch, locker),
      remove: (epoch) => deleteGroupEpoch(sql(), epoch),
    },
    policyOf: (registerId) => registerOf(registerId)?.policy ?? null,
    keyOf: (peerId) => book().get(peerId)?.publicKey ?? null,
    isWilling,
    changePolicy: async (registerId, policy) => {
      await setPolicy(registerId, policy);
    },
  });
  await opening.open();
  coordinator = opening;
  const { keyGeneration, blsKeyShareDistribution } = messageType;
  readers = [keyGeneration, blsKeyShareDistribution].map((type) =>
    post().on(type, ({ payload }) => opening.take(type, payload)),
  );
}

export function close(): void {
  for (const reader of readers.splice(0)) reader.stop();
  coordinator?.close();
  coordinator = null;
}

/** The group in force, where this node has a share; null also while this part is not open. */
export function groupOf(registerId: string): Group | null {
  return coordinator?.groupOf(registerId) ?? null;
}

export function threshold(): Coordinator {
  assert(coordinator !== null, "group keys are open");
  return coordinator;
}
