import { createHash } from "node:crypto";
import { PeerError } from "../base/error.ts";
import { buildPayload, buildTransaction, type Signer } from "../dockets/envelope.ts";
import { limits } from "../runtime/limits.ts";
import type { BuiltTransaction } from "./batch.ts";

/** What is to become a transaction. */
export interface NewRecord {
  registerId: string;
  /** JSON, checked where it came in; goes in as it is. */
  dataText: string;
  /** Makes equal records distinct. */
  nonce: string;
  type?: string;
  recipients?: string[];
  /** Of the import that it comes from, for error messages. */
  line?: number;
}

/** The record as a signed transaction. Throws `too-large`. */
export function buildRecord(
  record: NewRecord,
  by: { sender: string; signer: Signer; nowMs: number },
): BuiltTransaction {
  const payloadJson = buildPayload({
    type: record.type ?? "Action",
    sender: by.sender,
    recipients: record.recipients ?? [],
    previousTransactionId: null,
    nonce: record.nonce,
    dataText: record.dataText,
  });
  const { registerId } = record;
  const { signer, nowMs: createdAtMs } = by;
  const built = buildTransaction({ registerId, payloadJson, createdAtMs, signer });
  const bytes = built.bytes.length;
  if (bytes <= limits.transactionBytes) return built;
  const limit = limits.transactionBytes;
  const where = record.line === undefined ? "The record" : `The record in line ${record.line}`;
  throw new PeerError("too-large", "record-too-large", {
    message: `${where} makes a transaction of ${bytes} bytes; the limit is ${limit}`,
    facts: { bytes, limit, line: record.line },
  });
}

/** The same for the same line of the same import: running it again doubles nothing. */
export function importNonce(importId: string, line: number): string {
  return createHash("sha256").update(`${importId}:${line}`).digest("hex").slice(0, 32);
}
