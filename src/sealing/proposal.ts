import { owned } from "../base/bytes.ts";
import { encodeBundle, encodePage, readBundle } from "../dockets/bundle.ts";
import { decodeDocket, decodeTransaction } from "../dockets/decode.ts";
import { docketBytes, draftDocket, leafOf } from "../dockets/envelope.ts";
import { joinPage } from "../dockets/join.ts";
import { controlOf, policyText, unsealedPolicy } from "../dockets/policy.ts";
import { hasNoSeal } from "../dockets/seal.ts";
import type { Anchor, Docket, Policy } from "../dockets/types.ts";
import { verifyPage } from "../workers/pool.ts";
import type { BuiltTransaction } from "./batch.ts";

/** A docket that nobody signed yet, with its bodies. */
export interface Proposal {
  hash: string;
  bundle: Uint8Array;
}

export function draftProposal(
  transactions: readonly BuiltTransaction[],
  place: { anchor: Anchor; validatorId: string; nowMs: number },
): Proposal {
  const { anchor, validatorId, nowMs } = place;
  const { docket } = draftDocket({
    registerId: anchor.registerId,
    number: anchor.nextNumber,
    previousHash: anchor.previousHash,
    createdAtMs: Math.max(nowMs, anchor.previousTimeMs),
    proposerValidatorId: validatorId,
    leaves: transactions.map(({ transaction }) => leafOf(transaction)),
  });
  const transactionData = transactions.map(({ bytes }) => bytes);
  const bundle = encodeBundle({ docketData: docketBytes(docket), transactionData });
  return { hash: docket.docketHash, bundle };
}

/** The docket in a bundle; null where there is none. */
export function docketIn(bundle: Uint8Array): Docket | null {
  const read = readBundle(bundle);
  const docket = read === null ? null : decodeDocket(read.docketData);
  return docket?.ok ? docket.value : null;
}

/** The policy that a proposed genesis docket sets; null for anything else. */
export function policyIn(bundle: Uint8Array): Policy | null {
  const [first] = readBundle(bundle)?.transactionData ?? [];
  const read = first === undefined ? null : decodeTransaction(first);
  if (!read?.ok) return null;
  const control = controlOf(read.value.payloadJson);
  return control.kind === "policy" ? control.policy : null;
}

/**
 * What is wrong with a proposed docket, in a sentence; null: nothing. The same questions as on the
 * road, all but the seal, which it shall get; and that it seals nothing twice, and no change of
 * policy that this node's operator did not agree to.
 */
export async function findFault(
  proposal: Proposal,
  given: {
    anchor: Anchor;
    nowMs: number;
    whichExist: (transactionIds: string[]) => Promise<Set<string>>;
    approved: () => Promise<string | null>;
    verify?: typeof verifyPage;
  },
): Promise<string | null> {
  const { anchor, nowMs, verify = verifyPage } = given;
  const policy = anchor.policy === null ? null : unsealedPolicy(anchor.policy);
  const checked = await verify({
    registerId: anchor.registerId,
    bytes: owned(encodePage({ bundles: [proposal.bundle], headNumber: 0, firstVersion: 0 })),
    nextNumber: anchor.nextNumber,
    policy,
    nowMs,
    verifyTransactions: "all",
    acceptUnsealed: true,
  });
  if (!checked.ok) return checked.refusal.message;
  const joined = joinPage({ ...anchor, policy }, checked.value);
  if (!joined.ok) return joined.refusal.message;
  const docket = docketIn(proposal.bundle);
  if (docket === null || !hasNoSeal(docket)) return "A proposed docket bears no seal yet";
  if (docket.docketHash !== proposal.hash) return "The proposal names another docket";
  if (docket.transactions.length === 0) return "An empty docket is not sealed";
  const held = await given.whichExist(docket.transactions.map((leaf) => leaf.transactionId));
  if (held.size > 0) return `Transaction ${[...held][0]} is sealed already`;
  if (anchor.policy === null || checked.value.dockets[0]?.isControl !== true) return null;
  return findUnapproved(proposal.bundle, await given.approved());
}

/** A control transaction other than the policy that was agreed to. */
function findUnapproved(bundle: Uint8Array, approved: string | null): string | null {
  for (const bytes of readBundle(bundle)?.transactionData ?? []) {
    const read = decodeTransaction(bytes);
    const control = read.ok ? controlOf(read.value.payloadJson) : null;
    if (control === null || control.kind === "none") continue;
    if (control.kind === "policy" && policyText(control.policy) === approved) continue;
    return "The docket changes the register's policy in a way that no operator agreed to here";
  }
  return null;
}
