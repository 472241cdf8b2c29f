import { bls12_381 } from "@noble/curves/bls12-381.js";
import { base64urlOf, bytesOfHex } from "../../src/base/bytes.ts";
import { leafHash } from "../../src/dockets/hash.ts";
import { proveInclusion } from "../../src/dockets/proof.ts";
import type { Docket } from "../../src/dockets/types.ts";
import type { ProofInput } from "../../src/ui/proof/proof.ts";
import { Ledger, type Made, pageOf, policyOf, rewritten } from "../dockets/ledger.ts";

/** What the page would be given of the ledger's docket `number`, its control dockets as told. */
export function inputOf(
  ledger: Ledger,
  number: number,
  controls: readonly number[] = [0],
): ProofInput {
  const { registerId, made } = ledger;
  const { docket, docketData, transactionData } = made[number] as Made;
  const leaves = docket.transactions.map((leaf) => leafHash(leaf, Date.parse(leaf.createdAt)));
  const position = leaves.length - 1;
  const page = pageOf(controls.map((one) => made[one] as Made));
  const frames = new Uint8Array(page.length + 8);
  new DataView(frames.buffer).setUint32(0, page.length);
  frames.set(page, 4);
  return {
    transaction: {
      registerId,
      transactionId: docket.transactions[position]?.transactionId ?? "",
      docketNumber: number,
      position,
      version: 1,
      transaction: new TextDecoder().decode(transactionData[position]),
      proof: {
        leaf: leaves[position] ?? "",
        index: position,
        count: leaves.length,
        steps: proveInclusion(leaves, position),
        merkleRoot: docket.merkleRoot,
        docketHash: docket.docketHash,
      },
    },
    docketText: new TextDecoder().decode(docketData),
    genesisHash: made[0]?.docket.docketHash ?? "",
    policyFrames: frames,
  };
}

/** The ledger with one docket's document written anew. */
export function rewriteDocket(
  ledger: Ledger,
  number: number,
  change: (docket: Docket) => void,
): Ledger {
  const made = ledger.made[number] as Made;
  made.docketData = rewritten(made.docketData, change);
  made.docket = JSON.parse(new TextDecoder().decode(made.docketData)) as Docket;
  return ledger;
}

/** Registers that a group of three seals, two of whom are enough: a docket of two records. */
export function groupedLedger() {
  const { shortSignatures } = bls12_381;
  const secret = new Uint8Array(32).fill(7);
  const groupPublicKey = base64urlOf(shortSignatures.getPublicKey(secret).toBytes());
  const policy = policyOf({ count: 3, threshold: 2, groupPublicKey });
  const signatureOf = (docketHash: string) => {
    const message = shortSignatures.hash(bytesOfHex(docketHash) ?? new Uint8Array());
    return base64urlOf(shortSignatures.sign(message, secret).toBytes());
  };
  const grouped = (registerId = "r") =>
    rewriteDocket(new Ledger(registerId, policy, [2]).add(), 1, (docket) => {
      docket.groupSignature = signatureOf(docket.docketHash);
      docket.proposerSignature = null;
      docket.votes = [];
    });
  return { grouped, signatureOf };
}
