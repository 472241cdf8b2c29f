import { decodeTransaction } from "../dockets/decode.ts";
import { payloadHash, transactionText } from "../dockets/hash.ts";
import { controlOf } from "../dockets/policy.ts";
import { isSignatureTrue } from "../dockets/signature.ts";
import { timeMsOf } from "../dockets/time.ts";
import type { Outcome, Policy, RefusalCode, Transaction } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";

/**
 * Whether a document is a true transaction, to be kept and passed on before any docket vouches for
 * it. Stricter than a docket's check: the id must be the payload's hash, so that nobody can bring
 * another payload under the same id, and a control transaction must be signed by a validator.
 */
export function checkPending(
  bytes: Uint8Array,
  asked: { registerId: string; transactionId: string; policy: Policy; nowMs: number },
): Outcome<Transaction> {
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) return decoded;
  const transaction = decoded.value;
  const { transactionId, registerId, createdAt, signatures } = transaction;
  if (registerId !== asked.registerId) {
    return refuse("register", "The transaction belongs to another register");
  }
  const hash = payloadHash(transaction.payloadJson);
  const isNamed = transactionId === asked.transactionId && transactionId === hash;
  if (!isNamed || transaction.payloadHash !== hash) {
    return refuse("payload-hash", "The transaction's id is not the hash of its payload");
  }
  if ((timeMsOf(createdAt) as number) > asked.nowMs + limits.clockAheadMs) {
    return refuse("time", "The transaction's time lies in the future");
  }
  const text = transactionText(transactionId, hash);
  if (signatures.length === 0 || !signatures.every((one) => isSignatureTrue(one, text))) {
    return refuse("tx-signature", "The transaction bears no signature, or one that is not true");
  }
  const control = controlOf(transaction.payloadJson);
  if (control.kind === "broken") return refuse("schema", control.message);
  if (control.kind !== "none" && !isByValidator(transaction, asked.policy)) {
    return refuse("seal", "A control transaction has to be signed by a validator");
  }
  return decoded;
}

/** Whether a validator of the policy signed it. */
export function isByValidator({ signatures }: Transaction, { validators }: Policy): boolean {
  const keys = new Set(validators.map(({ publicKey }) => publicKey));
  return signatures.some(({ publicKey }) => keys.has(publicKey));
}

function refuse(code: RefusalCode, message: string): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber: null } };
}
