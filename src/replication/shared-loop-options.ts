import type { Retention } from "../registers/subscriptions-table.ts";
import type { RegisterStation } from "./binding.ts";
import type { LoopOptions } from "./loop-options.ts";
import type { SubscriptionStatus } from "./subscription-status.ts";

/** The parts of a loop that are the same for all registers, given by `node.ts`. */
export type SharedLoopOptions = Pick<LoopOptions, "clock" | "dice" | "report"> & {
  /** The functions bound to one register. */
  forRegister: (
    registerId: string,
    genesisHash: string | null,
  ) => Pick<LoopOptions, RegisterStation>;
  /** Whether some peer says it holds the register, or we do. */
  isKnown: (registerId: string) => boolean;
  /** What a follower keeps of the past where its subscription doesn't say. */
  retention: Retention;
  /** For the supervisor: a new connection to a peer, and a question to all who else there is. */
  reconnect: (peerId: string) => void;
  rediscover: (registerId: string) => void;
  /** A subscription's state changed: for adverts and events. */
  onState: (status: SubscriptionStatus) => void;
};
