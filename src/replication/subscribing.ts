import { PeerError } from "../base/error.ts";
import { readCheckpoint } from "../registers/checkpoints-table.ts";
import { registerOf } from "../registers/heads.ts";
import { isPurging, whenPurged } from "../registers/purge.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import type { LoopOptions } from "./loop-options.ts";
import type { Mode } from "./subscription.ts";

export interface SubscribeRequest {
  registerId: string;
  mode: Mode;
  /** The genesis docket's, from somebody whom the operator trusts. */
  genesisHash?: string;
  /** Of a follower alone; left out: what the node's settings say. */
  retention?: { keepDockets?: number; keepDays?: number };
}

/** Throws where the register can't be followed. */
export function refuseSubscribe(
  request: SubscribeRequest,
  node: { followed: ReadonlySet<string>; isKnown: (registerId: string) => boolean },
): void {
  const { registerId, mode, genesisHash, retention } = request;
  if (node.followed.has(registerId)) {
    throw new PeerError("conflict", "already-subscribed", {
      message: `This node is already subscribed to register ${registerId}`,
    });
  }
  if (node.followed.size >= limits.subscriptions) {
    throw new PeerError("exhausted", "too-many-subscriptions", {
      message: `This node already follows ${node.followed.size} registers, which is its limit`,
    });
  }
  if (retention !== undefined && mode !== "ForwardOnly") {
    throw new PeerError("unprocessable", "full-replica-keeps-all", {
      message: "A full replica keeps everything: retention is for forward-only subscriptions",
      facts: { field: "retention" },
    });
  }
  const held = registerOf(registerId);
  // What this node created and others seal with it by now comes from them as well.
  if (held?.isOrigin && held.policy.validators.length < 2) {
    throw new PeerError("conflict", "own-register", {
      message: `This node seals register ${registerId} itself`,
    });
  }
  if (genesisHash === undefined && !node.isKnown(registerId)) {
    throw new PeerError("not-found", "unknown-register", {
      message: `No peer that this node knows of holds register ${registerId}`,
    });
  }
}

/** Throws where nothing is held, or what is held is nobody else's to bring back. */
export function refusePurge(registerId: string, node: { isFollowed: boolean }): void {
  const held = registerOf(registerId);
  if (held === null && !node.isFollowed) {
    throw new PeerError("not-found", "unknown-register", {
      message: `There is no register ${registerId} here`,
    });
  }
  if (held?.isOrigin && !node.isFollowed) {
    throw new PeerError("conflict", "own-register", {
      message: `This node seals register ${registerId} itself`,
    });
  }
}

/** The same stations, which wait until what was held of the register before is deleted. */
export function afterPurge<T extends Pick<LoopOptions, "whenStorable" | "storeTrouble">>(
  registerId: string,
  stations: T,
): T {
  return {
    ...stations,
    whenStorable: async () => {
      await whenPurged(registerId);
      await stations.whenStorable();
    },
    storeTrouble: () => (isPurging(registerId) ? beingPurged : stations.storeTrouble()),
  };
}

const beingPurged = {
  code: "being-purged",
  message: "What was held of this register is still being deleted; it begins anew after that",
};

/** Why nothing can be stored of a register whose row was deleted; null: it is there, or new. */
export async function rowLost(registerId: string) {
  if (registerOf(registerId) !== null || isPurging(registerId)) return null;
  if ((await readCheckpoint(sql(), registerId)) === null) return null;
  const message =
    "The database has lost this register's row in table registers, but still has its dockets: " +
    "restore the row from a backup, or purge the register and subscribe again";
  return { code: "register-row-lost", message };
}
