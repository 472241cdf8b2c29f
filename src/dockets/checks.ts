/** What can be told of one docket with its bodies, without its chain. Steps of protocol §4. */
import type { ScannedBundle } from "./bundle.ts";
import { decodeDocket, decodeTransaction } from "./decode.ts";
import { docketText, leafHash, payloadHash, sha256Hex } from "./hash.ts";
import { merkleRoot } from "./merkle.ts";
import { controlOf } from "./policy.ts";
import { timeMsOf } from "./time.ts";
import type { Docket, Leaf, Outcome, Policy, Refusal, RefusalCode, Transaction } from "./types.ts";

/** A docket and its bodies on the way through the checks. */
export interface Candidate {
  docket: Docket;
  bodies: Transaction[];
  timeMs: number;
  /** What the docket's hash is over. */
  text: string;
  isControl: boolean;
  /** The policy that one of its transactions sets. */
  change: Policy | null;
}

/** Reads a bundle's documents: `size`, `json`, `schema`. */
export function readCandidate(bytes: Uint8Array, bundle: ScannedBundle): Outcome<Candidate> {
  const view = viewsOf(bytes, bundle);
  const read = decodeDocket(view(bundle.docketOffset, bundle.docketLength));
  if (!read.ok) return read;
  const docket = read.value;
  const timeMs = timeMsOf(docket.createdAt) as number;
  const candidate: Candidate = {
    docket,
    bodies: [],
    timeMs,
    text: docketText({ ...docket, timeMs }),
    isControl: false,
    change: null,
  };
  for (let index = 0; index < bundle.transactionOffsets.length; index += 1) {
    const offset = bundle.transactionOffsets[index] as number;
    const length = bundle.transactionLengths[index] as number;
    const leaf = docket.transactions[index];
    const body = decodeTransaction(view(offset, length), {
      registerId: docket.registerId,
      leaf,
    });
    if (!body.ok) {
      const { docketNumber } = docket;
      const named = leaf === undefined ? {} : { transactionId: leaf.transactionId };
      return { ok: false, refusal: { ...body.refusal, docketNumber, ...named } };
    }
    candidate.bodies.push(body.value);
    const refusal = noteControl(candidate, body.value);
    if (refusal !== null) return { ok: false, refusal };
  }
  return { ok: true, value: candidate };
}

export function checkDuplicates({ docket }: Candidate): Refusal | null {
  const seen = new Set<string>();
  for (const { transactionId } of docket.transactions) {
    if (seen.has(transactionId)) {
      return refuse("duplicate", docket, {
        message: "The docket lists a transaction twice",
        transactionId,
      });
    }
    seen.add(transactionId);
  }
  return null;
}

export function checkCount({ docket, bodies }: Candidate): Refusal | null {
  const leaves = docket.transactions;
  for (let index = 0; index < Math.max(leaves.length, bodies.length); index += 1) {
    const listed = leaves[index]?.transactionId;
    const found = bodies[index]?.transactionId;
    if (listed === found) continue;
    const message =
      listed === undefined
        ? "A transaction came that the docket does not list"
        : "A listed transaction is missing or not in its place";
    return refuse("count", docket, { message, transactionId: listed ?? found });
  }
  return null;
}

export function checkPayloads({ docket, bodies }: Candidate): Refusal | null {
  for (let index = 0; index < bodies.length; index += 1) {
    const body = bodies[index] as Transaction;
    const leaf = docket.transactions[index] as Leaf;
    const hash = payloadHash(body.payloadJson);
    if (hash === body.payloadHash && hash === leaf.payloadHash) continue;
    return refuse("payload-hash", docket, {
      message: "A payload does not have the hash that its document or its docket says",
      transactionId: body.transactionId,
    });
  }
  return null;
}

export function checkMerkle({ docket, bodies }: Candidate): Refusal | null {
  const hashes: string[] = [];
  for (let index = 0; index < bodies.length; index += 1) {
    const leaf = docket.transactions[index] as Leaf;
    if (bodies[index]?.createdAt !== leaf.createdAt) {
      return refuse("merkle", docket, {
        message: "A transaction's time is not the one its docket says",
        transactionId: leaf.transactionId,
      });
    }
    hashes.push(leafHash(leaf, timeMsOf(leaf.createdAt) as number));
  }
  if (merkleRoot(hashes) === docket.merkleRoot) return null;
  return refuse("merkle", docket, { message: "The Merkle root is not that of the transactions" });
}

export function checkDocketHash({ docket, text }: Candidate): Refusal | null {
  const hash = sha256Hex(text);
  if (hash === docket.docketHash && hash === docket.docketId) return null;
  return refuse("docket-hash", docket, { message: "The docket does not have the hash it says" });
}

export function refuse(
  code: RefusalCode,
  docket: Docket,
  facts: { message: string; transactionId?: string | undefined },
): Refusal {
  const refusal = { code, message: facts.message, docketNumber: docket.docketNumber };
  return facts.transactionId === undefined
    ? refusal
    : { ...refusal, transactionId: facts.transactionId };
}

function noteControl(candidate: Candidate, body: Transaction): Refusal | null {
  const control = controlOf(body.payloadJson);
  if (control.kind === "none") return null;
  const { transactionId } = body;
  candidate.isControl = true;
  if (control.kind === "broken") {
    return refuse("schema", candidate.docket, { message: control.message, transactionId });
  }
  if (control.kind === "policy") {
    if (candidate.change !== null) {
      const message = "The docket sets the register's policy twice";
      return refuse("schema", candidate.docket, { message, transactionId });
    }
    candidate.change = control.policy;
  }
  return null;
}

/** Views of the documents in one bundle. */
function viewsOf(
  bytes: Uint8Array,
  bundle: ScannedBundle,
): (at: number, length: number) => Uint8Array {
  const { offset } = bundle;
  return (at, length) => bytes.subarray(offset + at, offset + at + length);
}
