import { present } from "../../base/assert.ts";
import type { Shown } from "./board.ts";
import {
  type Commitments,
  commitmentsOf,
  isShareTrue,
  type Pause,
  publicShareAt,
  sumCommitments,
} from "./commitments.ts";
import { scalarOf, weightsAtZero } from "./polynomial.ts";
import type { Participant, Proposal } from "./proposal.ts";

/** A participant that did what it may not, with the name of it. */
export interface Fault {
  validatorId: string;
  /** bad-deal · other-secret · too-many-complaints · unjustified · silent */
  code: string;
}

/** What a dealer committed to; null: nothing that could be used. */
export type Deals = ReadonlyMap<string, Commitments | null>;

export interface Verdict {
  /** Dealers whose shares count, in the proposal's order. */
  qualified: readonly Participant[];
  faults: readonly Fault[];
  /** Of the new group; null: too few dealers are left. */
  commitments: Commitments | null;
  /** Shares that dealers had to show to all, by dealer and recipient. */
  openings: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}

/** Reads what each who takes part has dealt: the dear part, done once. */
export async function readDeals(
  proposal: Proposal,
  { shown, roster, pause }: { shown: Shown; roster: ReadonlySet<string>; pause: Pause },
): Promise<Deals> {
  const deals = new Map<string, Commitments | null>();
  for (const dealer of proposal.dealers) {
    if (!roster.has(dealer.validatorId)) continue;
    const deal = shown.said.get(dealer.validatorId)?.message.deal;
    const bytes = deal?.commitments ?? [];
    // In a handing on that is no fault: it holds no share, and says so.
    if (proposal.previous !== null && deal !== undefined && bytes.length === 0) continue;
    const commitments = commitmentsOf(bytes, proposal.threshold);
    deals.set(dealer.validatorId, commitments);
    await pause();
  }
  return deals;
}

/** In a handing on, a dealer may only deal the share that it has. */
export function isOwnSecret(
  proposal: Proposal,
  { dealer, commitments }: { dealer: Participant; commitments: Commitments },
): boolean {
  if (proposal.previous === null) return true;
  const own = publicShareAt(proposal.previous, dealer.index);
  return publicShareAt(commitments, 0).equals(own);
}

/**
 * Who of the dealers counts. It depends on nothing but what was shown to everybody, so whoever has
 * seen the same comes to the same: a complaint has to be met by the share itself, open to all, and
 * who is complained of by as many as the threshold is out, for opening so many shares would open
 * the secret.
 */
export async function judge(
  proposal: Proposal,
  seen: { deals: Deals; responses: Shown; justifications: Shown; pause: Pause },
): Promise<Verdict> {
  const faults: Fault[] = [];
  const qualified: Participant[] = [];
  const openings = new Map<string, ReadonlyMap<string, bigint>>();
  for (const dealer of proposal.dealers) {
    const commitments = seen.deals.get(dealer.validatorId);
    if (commitments === undefined) continue;
    const opened = openingsOf(proposal, { dealer, justifications: seen.justifications });
    const code = faultOf(proposal, { dealer, commitments, opened, responses: seen.responses });
    await seen.pause();
    if (code !== null) {
      faults.push({ validatorId: dealer.validatorId, code });
      continue;
    }
    openings.set(dealer.validatorId, opened);
    qualified.push(dealer);
  }
  const enough = qualified.length >= proposal.dealersNeeded;
  const commitments = enough ? await groupCommitments(proposal, { ...seen, qualified }) : null;
  return { qualified, faults, commitments, openings };
}

/** Null: shares are summed as they are. In a handing on each counts for its place. */
export function weightsOf(proposal: Proposal, qualified: readonly Participant[]) {
  if (proposal.previous === null) return null;
  return weightsAtZero(qualified.map((dealer) => dealer.index));
}

/** Members that complained of a dealer, in the proposal's order. */
export function complainersOf(
  proposal: Proposal,
  { dealerId, responses }: { dealerId: string; responses: Shown },
): Participant[] {
  return proposal.members.filter((member) => {
    const response = responses.said.get(member.validatorId)?.message.response;
    return response?.complaints.includes(dealerId) ?? false;
  });
}

function faultOf(
  proposal: Proposal,
  about: {
    dealer: Participant;
    commitments: Commitments | null;
    opened: ReadonlyMap<string, bigint>;
    responses: Shown;
  },
): string | null {
  const { dealer, commitments, opened, responses } = about;
  if (commitments === null) return "bad-deal";
  if (!isOwnSecret(proposal, { dealer, commitments })) return "other-secret";
  const complainers = complainersOf(proposal, { dealerId: dealer.validatorId, responses });
  if (complainers.length >= proposal.threshold) return "too-many-complaints";
  const isJustified = complainers.every(({ validatorId, index }) => {
    const share = opened.get(validatorId);
    return share !== undefined && isShareTrue(commitments, { index, share });
  });
  return isJustified ? null : "unjustified";
}

function openingsOf(
  proposal: Proposal,
  { dealer, justifications }: { dealer: Participant; justifications: Shown },
): ReadonlyMap<string, bigint> {
  const opened = new Map<string, bigint>();
  const said = justifications.said.get(dealer.validatorId)?.message.justification;
  for (const opening of said?.openings ?? []) {
    const share = scalarOf(opening.share);
    const isMember = proposal.members.some(
      (one) => one.validatorId === opening.recipientValidatorId,
    );
    if (share !== null && isMember) opened.set(opening.recipientValidatorId, share);
  }
  return opened;
}

async function groupCommitments(
  proposal: Proposal,
  { qualified, deals, pause }: { qualified: readonly Participant[]; deals: Deals; pause: Pause },
): Promise<Commitments | null> {
  const all = qualified.map((dealer) =>
    present(deals.get(dealer.validatorId), "a qualified dealer's commitments"),
  );
  const sum = await sumCommitments(all, { weights: weightsOf(proposal, qualified), pause });
  return sum[0]?.is0() === false ? sum : null;
}
