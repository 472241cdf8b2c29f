import { scanPage } from "../../dockets/bundle.ts";
import type { Docket, Policy, Transaction } from "../../dockets/types.ts";
import { headerText, merkleRoot } from "./header.ts";
import { type Sealers, sealSteps } from "./seal.ts";
import { type Step, sha256 } from "./step.ts";

/** Who may seal the docket that is looked at, and how that follows from the genesis docket. */
export interface Chain {
  steps: Step[];
  policy: Sealers;
}

interface Control {
  docket: Docket;
  bodies: Transaction[];
}

/** More changes of who may seal than these are a matter for the command line. */
const docketsMax = 1_000;

/**
 * Follows a register's policy from its genesis docket, which sets the first one and is sealed under
 * it, to the one in force at docket `docketNumber`: each later one stands in a docket sealed under
 * the one before. `frames` is what the node's `pages?control=true` gave. Throws a sentence for what
 * can't be read.
 */
export async function followPolicy(
  frames: Uint8Array,
  given: { docketNumber: number; genesisHash: string; registerId: string; subtle: SubtleCrypto },
): Promise<Chain> {
  const { docketNumber, genesisHash, registerId, subtle } = given;
  const controls = readFrames(frames).filter(
    ({ docket }) => docket.docketNumber < Math.max(docketNumber, 1),
  );
  if (controls.length > docketsMax) throw new Error(`Its policy changed over ${docketsMax} times`);
  if (controls[0]?.docket.docketNumber !== 0) throw new Error("The node gave no genesis docket");
  const steps: Step[] = [];
  let policy: Policy | null = null;
  let before = -1;
  for (const control of controls) {
    const { docket } = control;
    const isGenesis = docket.docketNumber === 0;
    const change = changeIn(control);
    const computed = await sha256(subtle, headerText(docket));
    const expected = isGenesis ? genesisHash : docket.docketHash;
    const inForce: Sealers = policy ?? founding(docket, change);
    const seals = await sealSteps(docket, { policy: inForce, subtle });
    const isWhole =
      computed === expected &&
      computed === docket.docketHash &&
      docket.registerId === registerId &&
      docket.docketNumber > before &&
      (await holdsBodies(control, subtle)) &&
      (policy === null || change === null || change.version > policy.version);
    const isOpen = isWhole && seals.some((step) => step.isOpen);
    steps.push({
      title: titleOf(docket, { change, inForce }),
      input: headerText(docket),
      computed,
      expected,
      isTrue: isWhole && seals.every((step) => step.isTrue),
      ...(isOpen && seals.every((step) => step.isTrue || step.isOpen) ? { isOpen: true } : {}),
    });
    before = docket.docketNumber;
    policy = inForce.validators.length === 0 ? nobody : (change ?? policy);
  }
  return { steps, policy: policy ?? nobody };
}

/** Of a register without seals: there is nobody to believe. */
const nobody: Policy = {
  version: 0,
  validators: [],
  threshold: 0,
  isPublic: false,
  name: "",
  description: "",
};

/** The genesis docket is judged by the policy that it sets itself. */
function founding(docket: Docket, change: Policy | null): Sealers {
  const isSealed = docket.proposerSignature !== null || docket.groupSignature !== undefined;
  return isSealed && change !== null ? change : nobody;
}

function titleOf(docket: Docket, of: { change: Policy | null; inForce: Sealers }): string {
  const { change, inForce } = of;
  const { threshold, validators } = change ?? inForce;
  const who = `${threshold} of ${validators.length} seal`;
  if (docket.docketNumber === 0) return `The genesis docket and its policy: ${who}`;
  return change === null
    ? `Docket ${docket.docketNumber}: a control record, sealed under the policy of its time`
    : `Docket ${docket.docketNumber}: policy ${change.version}, sealed under the one before: ${who}`;
}

/** Each leaf is that of a body, and the Merkle root that of the leaves. */
async function holdsBodies({ docket, bodies }: Control, subtle: SubtleCrypto): Promise<boolean> {
  const { transactions: leaves } = docket;
  if (new Set(leaves.map((leaf) => leaf.transactionId)).size !== leaves.length) return false;
  if (bodies.length !== leaves.length) return false;
  for (const [index, body] of bodies.entries()) {
    const leaf = leaves[index];
    const hash = await sha256(subtle, body.payloadJson);
    if (leaf?.payloadHash !== hash || leaf.transactionId !== body.transactionId) return false;
  }
  return (await merkleRoot(subtle, leaves)) === docket.merkleRoot;
}

/** The policy that a docket sets; the last counts. Null where it sets none. */
function changeIn({ bodies }: Control): Policy | null {
  let change: Policy | null = null;
  for (const { payloadJson } of bodies) {
    if (!payloadJson.includes("register.policy")) continue;
    const payload = JSON.parse(payloadJson) as { type?: string; control?: string; policy?: Policy };
    if (payload.type !== "Control" || payload.control !== "register.policy") continue;
    change = sensible(payload.policy);
  }
  return change;
}

/** Nobody may count twice, and none of none is no threshold. */
function sensible(policy: Policy | undefined): Policy {
  const validators = policy?.validators ?? [];
  const ids = new Set(validators.map((one) => one.validatorId));
  const keys = new Set(validators.map((one) => one.publicKey));
  const isSensible =
    policy !== undefined &&
    ids.size === validators.length &&
    keys.size === validators.length &&
    Number.isSafeInteger(policy.version) &&
    Number.isSafeInteger(policy.threshold) &&
    policy.threshold >= 1 &&
    policy.threshold <= validators.length;
  if (!isSensible) throw new Error("A policy of the register makes no sense");
  return policy;
}

function readFrames(frames: Uint8Array): Control[] {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  const controls: Control[] = [];
  let at = 0;
  for (;;) {
    const length = at + 4 <= frames.length ? view.getUint32(at) : -1;
    if (length < 0 || at + 4 + length > frames.length) {
      throw new Error("The node's answer ends before its end");
    }
    if (length === 0) return controls;
    controls.push(...readPage(frames.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
}

function readPage(bytes: Uint8Array): Control[] {
  const scanned = scanPage(bytes);
  if (!scanned.ok) throw new Error(scanned.refusal.message);
  return scanned.value.bundles.map((bundle) => {
    const document = (offset: number, length: number) =>
      JSON.parse(new TextDecoder().decode(bytes.subarray(offset, offset + length)));
    return {
      docket: document(bundle.offset + bundle.docketOffset, bundle.docketLength) as Docket,
      bodies: bundle.transactionOffsets.map((offset, index) =>
        document(bundle.offset + offset, bundle.transactionLengths[index] ?? 0),
      ) as Transaction[],
    };
  });
}
