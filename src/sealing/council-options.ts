import type { Signer } from "../dockets/keys.ts";
import type { Anchor, Head, Outcome, Policy } from "../dockets/types.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { SealingMessage } from "../wire/sealing-messages.ts";
import type { BuiltTransaction } from "./batch.ts";
import type { Proposal } from "./proposal.ts";
import type { Facts } from "./round-step.ts";
import type { SealMode } from "./votes.ts";

/** What this node said about a number, in its store. */
export interface Memory {
  readFacts(number: number): Promise<Facts | null>;
  saveFacts(number: number, facts: Facts): Promise<void>;
  forgetFacts(below: number): Promise<void>;
  /** False when another hash has the number. */
  takeNumber(number: number, hash: string): Promise<boolean>;
}

export interface CouncilOptions {
  registerId: string;
  nodeId: string;
  signer: Signer;
  sealCount: number;
  sealMs: number;
  /** First time-out of a round. */
  roundMs: number;
  clock: Clock;
  dice: () => number;
  log: Log;
  memory: Memory;
  /** Where the register stands; null before its genesis is held. */
  anchor: () => Anchor | null;
  /** Tells one peer; what doesn't arrive is said again. */
  send: (peerId: string, message: SealingMessage) => void;
  /** What is wrong with a proposal; null: nothing. */
  findFault: (proposal: Proposal, anchor: Anchor) => Promise<string | null>;
  /** A validator sent a part of a seal that is none. */
  blame: (validatorId: string) => void;
  takeIn: (bytes: Uint8Array) => Promise<Outcome<Head>>;
  /** A validator is further than we are. */
  catchUp: () => void;
  /** A stored docket's bundle. */
  readSealed: (number: number) => Promise<Uint8Array | null>;
  whichExist: (transactionIds: string[]) => Promise<Set<string>>;
  /** Changes no policy, or as this node's operator agreed to. */
  isApproved: (transaction: BuiltTransaction) => Promise<boolean>;
  modeOf: (policy: Policy) => SealMode;
  /** Whether this node is willing to seal a register of this policy that it does not hold. */
  isInvited: (policy: Policy) => boolean;
}
