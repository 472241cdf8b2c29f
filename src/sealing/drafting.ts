import { controlOf } from "../dockets/policy.ts";
import type { Anchor } from "../dockets/types.ts";
import { type BuiltTransaction, fillDocket } from "./batch.ts";
import type { CouncilOptions } from "./council-options.ts";
import type { Pool } from "./pool.ts";
import { draftProposal, type Proposal } from "./proposal.ts";

/**
 * A change of policy goes alone, and now and then: until enough operators agreed to it, the others
 * refuse it, and nothing else shall wait for that.
 */
function isControl({ transaction }: BuiltTransaction): boolean {
  return controlOf(transaction.payloadJson).kind !== "none";
}

/** A docket of what waits longest, looked at as the other validators will; null: of nothing. */
export async function draftFrom(
  pool: Pool,
  given: Omit<CouncilOptions, "anchor"> & { anchor: Anchor; isTurnOfControl: () => boolean },
): Promise<Proposal | null> {
  const { anchor, nodeId, clock, log } = given;
  const first = pool.first(given.sealCount);
  pool.drop(await given.whichExist(first.map((one) => one.transaction.transactionId)));
  const known = fillDocket(first).filter((one) => pool.has(one.transaction.transactionId));
  const control = known.find(isControl);
  const isTurn = control !== undefined && given.isTurnOfControl();
  const fresh = isTurn ? [control] : known.filter((one) => !isControl(one));
  if (fresh.length === 0) return null;
  if (isTurn && !(await given.isApproved(control))) return null;
  const proposal = draftProposal(fresh, { anchor, validatorId: nodeId, nowMs: clock.nowMs() });
  const fault = await given.findFault(proposal, anchor);
  if (fault === null) return proposal;
  log.error({ registerId: given.registerId, reason: fault }, "Our own proposal is refused");
  return null;
}
