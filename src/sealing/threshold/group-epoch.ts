import { createHash } from "node:crypto";
import { present } from "../../base/assert.ts";
import { base64urlOf, utf8 } from "../../base/bytes.ts";
import { type Commitments, commitmentBytes, commitmentsOf } from "./commitments.ts";
import { weightedSum } from "./polynomial.ts";
import type { Participant, Proposal } from "./proposal.ts";
import type { Outgoing } from "./signed.ts";
import { type Verdict, weightsOf } from "./verdict.ts";

/** A group's key as one of its members holds it. */
export interface GroupEpoch {
  registerId: string;
  /** From 1 on, above that of the key in force. Sessions that came to nothing may share one. */
  epoch: number;
  /** The session that made it: its nonce, hex. */
  session: string;
  /**
   * pending    our share is whole; whether enough others have theirs is not known
   * certified  as many as the threshold said so
   * Either counts from the docket after the one whose policy names these very shares, and no other
   * does: so a session that ends early leaves everything as it was, whoever confirmed in it.
   */
  state: "pending" | "certified";
  threshold: number;
  members: readonly Participant[];
  /** Points of G2, 96 bytes each; the first is the group's key. */
  commitments: readonly Uint8Array[];
  /** Our place, and our secret. */
  index: number;
  share: bigint;
  /** Members known to hold their share; empty while pending. */
  holders: readonly string[];
}

/** What comes of a message to a member: first `save` is stored, then `send` goes out. */
export interface Step {
  send: Outgoing[];
  save?: GroupEpoch;
}

export function groupKeyText(epoch: Pick<GroupEpoch, "commitments">): string {
  return base64urlOf(present(epoch.commitments[0], "a commitment to the constant"));
}

/**
 * The name under which a policy puts these shares in force, base64url of 32 bytes: what they are
 * committed to. A handing on to the same members changes nothing else.
 */
export function groupSharesText({ commitments }: Pick<GroupEpoch, "commitments">): string {
  const hash = createHash("sha256").update(utf8("sorcha.peer.groupshares.v1|"));
  for (const bytes of commitments) hash.update(bytes);
  return base64urlOf(new Uint8Array(hash.digest()));
}

/** Of bytes that were checked when they came. */
export function commitmentsIn(epoch: Pick<GroupEpoch, "commitments">): Commitments {
  const points = commitmentsOf(epoch.commitments, epoch.commitments.length);
  return present(points, "commitments that were checked before they were stored");
}

/** What a member confirms: the whole transcript, and the key that came of it. */
export function confirmationHash(transcript: Uint8Array, commitments: Commitments): Uint8Array {
  const hash = createHash("sha256").update(utf8("sorcha.peer.keygeneration.v1.result|"));
  hash.update(transcript);
  for (const bytes of commitmentBytes(commitments)) hash.update(bytes);
  return new Uint8Array(hash.digest());
}

/** What the dealers' shares come to; null where one of them is not here. */
export function groupEpochOf(
  proposal: Proposal,
  made: {
    verdict: Verdict;
    commitments: Commitments;
    index: number;
    shareFrom: (dealer: Participant) => bigint | null;
  },
): GroupEpoch | null {
  const { qualified } = made.verdict;
  const shares = qualified.map(made.shareFrom);
  if (shares.some((share) => share === null)) return null;
  const weights = weightsOf(proposal, qualified) ?? shares.map(() => 1n);
  const { registerId, epoch, nonce: session, threshold, members } = proposal;
  return {
    registerId,
    epoch,
    session,
    state: "pending",
    threshold,
    members,
    commitments: commitmentBytes(made.commitments),
    index: made.index,
    share: weightedSum(shares as bigint[], weights),
    holders: [],
  };
}
