import type { Policy } from "../../dockets/types.ts";
import type { GroupEpoch } from "./group-epoch.ts";
import type { Session } from "./session.ts";
import type { Fault } from "./verdict.ts";

/** How a register is sealed, and how the making of its group's key gets on. */
export interface ThresholdView {
  registerId: string;
  mode: "single" | "votes" | "threshold";
  threshold: number;
  /** Base64url; null: there is no group. */
  groupPublicKey: string | null;
  /** Of the key in force; null where this node has no share of it. */
  epoch: number | null;
  validators: {
    validatorId: string;
    publicKey: string;
    /** Null: not known here. */
    holdsShare: boolean | null;
  }[];
  /** Of a whole key that no sealed policy names yet. */
  awaitingEpoch: number | null;
  /** The one that runs here, or the last that did since the start. */
  session: SessionView | null;
}

export interface SessionView {
  epoch: number;
  kind: "init" | "reshare";
  role: "proposer" | "member";
  /**
   * running · sealing: the key is whole, the policy that names it is on its way · finished ·
   * waiting: the key is whole and the policy could not be sealed · failed: all is as it was
   */
  state: "running" | "sealing" | "finished" | "waiting" | "failed";
  phase: string;
  threshold: number;
  members: string[];
  /** Of whom something is waited for. */
  awaited: string[];
  faults: Fault[];
  code: string | null;
  message: string | null;
}

/** What became of the policy after a session that this node proposed. */
export interface PolicyEnd {
  state: "sealing" | "finished" | "waiting";
  code?: string;
  message?: string;
}

export function thresholdView(
  registerId: string,
  seen: {
    policy: Policy;
    active: GroupEpoch | null;
    latest: GroupEpoch | null;
    session: SessionView | null;
  },
): ThresholdView {
  const { policy, active, latest } = seen;
  const isSingle = policy.validators.length <= 1 || policy.threshold <= 1;
  const isAwaiting =
    latest !== null && latest.state === "certified" && latest.epoch > (active?.epoch ?? 0);
  const holders = new Set(active?.holders ?? []);
  const holdsShare = (id: string) => (holders.size === 0 ? null : holders.has(id));
  return {
    registerId,
    mode: policy.groupPublicKey !== undefined ? "threshold" : isSingle ? "single" : "votes",
    threshold: policy.threshold,
    groupPublicKey: policy.groupPublicKey ?? null,
    epoch: active?.epoch ?? null,
    validators: policy.validators.map(({ validatorId, publicKey }) => {
      return { validatorId, publicKey, holdsShare: holdsShare(validatorId) };
    }),
    awaitingEpoch: isAwaiting ? latest.epoch : null,
    session: seen.session,
  };
}

export function sessionView(session: Session, policyEnd: PolicyEnd | null): SessionView {
  const { proposal, member, collector } = session.options;
  const failure = collector?.failure ?? member.failure;
  const isDone = collector === null ? member.state === "finished" : collector.state === "certified";
  const ended = policyEnd?.state ?? "finished";
  return {
    epoch: proposal.epoch,
    kind: proposal.previous === null ? "init" : "reshare",
    role: collector === null ? "member" : "proposer",
    state: failure !== null ? "failed" : isDone ? ended : "running",
    phase: collector?.state ?? member.state,
    threshold: proposal.threshold,
    members: proposal.members.map((one) => one.validatorId),
    awaited: collector?.awaited ?? [],
    faults: [...(collector?.faults ?? []), ...member.faults],
    code: failure?.code ?? policyEnd?.code ?? null,
    message: failure?.message ?? policyEnd?.message ?? null,
  };
}
