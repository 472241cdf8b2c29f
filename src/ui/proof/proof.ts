import type { Docket, Leaf, Transaction } from "../../dockets/types.ts";
import type { Answer } from "../net/ways.ts";
import { headerText, leafText } from "./header.ts";
import { type Chain, followPolicy } from "./policy-chain.ts";
import { sealSteps } from "./seal.ts";
import { type Step, sha256 } from "./step.ts";

export interface ProofInput {
  transaction: Answer<"getTransaction">;
  /** The docket's document as the node gave it, asked for apart from the proof. */
  docketText: string;
  /** The register's dockets that say who may seal, as the node's `pages?control=true` has them. */
  policyFrames: Uint8Array;
  genesisHash: string;
}

/** What was found, in the order of the argument. */
export interface Proof {
  inclusion: Step[];
  seal: Step[];
  /** Who may seal, from the genesis docket on. */
  policy: Step[];
}

/**
 * Recomputes everything from the record up to the seal: the payload's hash, the leaf, each step to
 * the Merkle root, the docket's hash, each signature over it, and that the signers are those whom
 * the register's policy chain names. Believes the node in nothing but the hash of the genesis.
 */
export async function checkProof(given: ProofInput, subtle: SubtleCrypto): Promise<Proof> {
  const docket = JSON.parse(given.docketText) as Docket;
  const inclusion = await inclusionSteps(given.transaction, { docket, subtle });
  const chain = await followPolicy(given.policyFrames, {
    docketNumber: docket.docketNumber,
    genesisHash: given.genesisHash,
    registerId: given.transaction.registerId,
    subtle,
  }).catch(unread);
  const seal = await sealSteps(docket, { policy: chain.policy, subtle });
  return { inclusion, seal, policy: chain.steps };
}

function unread(thrown: unknown): Chain {
  const step = {
    title: "The register's policy, from its genesis docket on",
    input: thrown instanceof Error ? thrown.message : String(thrown),
    computed: "not to be read",
    expected: "",
    isTrue: false,
  };
  return { steps: [step], policy: { validators: [], threshold: 0 } };
}

async function inclusionSteps(
  told: Answer<"getTransaction">,
  given: { docket: Docket; subtle: SubtleCrypto },
): Promise<Step[]> {
  const { docket, subtle } = given;
  const { proof } = told;
  const document = JSON.parse(told.transaction) as Transaction;
  const steps: Step[] = [];
  const compare = async (title: string, input: string, expected: string) => {
    const computed = await sha256(subtle, input);
    steps.push({ title, input, computed, expected, isTrue: computed === expected });
    return computed;
  };
  const empty: Leaf = { transactionId: "", payloadHash: "", createdAt: "" };
  const listed = docket.transactions[told.position] ?? empty;
  const payloadHash = await compare("The record's hash", document.payloadJson, listed.payloadHash);
  const own = { ...listed, transactionId: told.transactionId, payloadHash };
  const leaf = await compare("The leaf", leafText(own), proof.leaf);
  let node = leaf;
  for (const [index, { side, hash: partner }] of proof.steps.entries()) {
    const input = side === "left" ? partner + node : node + partner;
    node = await sha256(subtle, input);
    const isLast = index === proof.steps.length - 1;
    steps.push({
      title: `Step ${index + 1} of ${proof.steps.length}: paired with the ${side} neighbour`,
      input,
      computed: node,
      expected: isLast ? docket.merkleRoot : "",
      isTrue: isPlaced(proof, index) && (!isLast || node === docket.merkleRoot),
    });
  }
  if (proof.steps.length === 0) {
    const expected = docket.merkleRoot;
    steps.push({
      title: "The only leaf is the Merkle root",
      input: leaf,
      computed: leaf,
      expected,
      isTrue: leaf === expected && proof.count === 1,
    });
  }
  await compare("The docket's hash", headerText(docket), docket.docketHash);
  const isAsked =
    docket.registerId === told.registerId && docket.docketNumber === told.docketNumber;
  return isAsked ? steps : steps.map((step) => ({ ...step, isTrue: false }));
}

/** A leaf has one place, and the sides of its neighbours follow from that. */
function isPlaced(proof: Answer<"getTransaction">["proof"], level: number): boolean {
  const at = Math.floor(proof.index / 2 ** level);
  return proof.steps[level]?.side === (at % 2 === 1 ? "left" : "right");
}
