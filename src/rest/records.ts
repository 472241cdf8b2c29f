import { utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { jsonFault, memberText, placeOf } from "../base/json-scan.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { refusalError } from "./status.ts";
import { heldRegister } from "./visible.ts";

/** Takes `data` as the text it came in, so that long numbers and the order of keys survive. */
export async function submitTransaction(
  call: Call<Endpoints["submitTransaction"]>,
): Promise<Reply<Endpoints["submitTransaction"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const dataText = (memberText(call.bodyText, "data") ?? "null").trim();
  refuseLongRecord(dataText, 1);
  const { type, recipients, wait } = call.body;
  const submitted = await call.source.submit({
    registerId,
    dataText,
    ...withoutUndefined({ type, recipients, wait, nonce: call.attempt?.seed }),
  });
  const place = `/api/registers/${registerId}/transactions/${submitted.transactionId}`;
  return submitted.docketNumber === undefined
    ? {
        body: { ...submitted, status: "queued" },
        status: 202,
        headers: { location: `${place}/status` },
      }
    : { body: { ...submitted, status: "sealed" }, status: 201, headers: { location: place } };
}

/** All lines are looked at before the first is taken: a broken one refuses the whole request. */
export async function importRecords(
  call: Call<Endpoints["importRecords"]>,
): Promise<Reply<Endpoints["importRecords"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const lines = call.bodyText.split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) {
    throw new PeerError("invalid", "no-records", { message: "The body holds no records" });
  }
  if (lines.length > limits.queuedTransactions) {
    throw new PeerError("too-large", "too-many-records", {
      message: `The body has ${lines.length} lines; ${limits.queuedTransactions} fit in a request`,
    });
  }
  const { importId, firstLine } = call.query;
  for (const [index, text] of lines.entries()) checkRecord(text, firstLine + index);
  return { body: await call.source.importRecords({ registerId, importId, firstLine, lines }) };
}

export async function handInDocket(
  call: Call<Endpoints["handInDocket"]>,
): Promise<Reply<Endpoints["handInDocket"]>> {
  const { registerId } = call.params;
  const bundle = encodeBundle({
    docketData: documentBytes(call.body.docket),
    transactionData: call.body.transactions.map(documentBytes),
  });
  const bytes = encodePage({ bundles: [bundle], headNumber: 0, firstVersion: 0 });
  const taken = await call.source.takeIn({ registerId, bytes, sourcePeerId: null });
  if (!taken.ok) throw refusalError(taken.refusal);
  const alreadyHeld = taken.alreadyHeld ?? false;
  const { number, hash } = taken.value;
  return {
    status: alreadyHeld ? 200 : 201,
    body: { registerId, docketNumber: number, docketHash: hash, alreadyHeld },
  };
}

function checkRecord(text: string, line: number): void {
  refuseLongRecord(text, line);
  try {
    JSON.parse(text);
  } catch {
    const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
    const { column } = placeOf(text, fault.offset);
    throw new PeerError("invalid", "bad-record", {
      message: `Line ${line}, column ${column} is not JSON: ${fault.message}`,
      facts: { line, column },
    });
  }
}

function refuseLongRecord(text: string, line: number): void {
  // A character is at least a byte: most records are measured without encoding them.
  const isShort = text.length * 3 <= limits.transactionBytes;
  if (isShort || Buffer.byteLength(text) <= limits.transactionBytes) return;
  throw new PeerError("too-large", "record-too-large", {
    message: `Record ${line} is larger than ${limits.transactionBytes / 2 ** 20} MiB`,
    facts: { line, bytesMax: limits.transactionBytes },
  });
}

/** A document's exact bytes when it came as text; an object gets its compact spelling. */
function documentBytes(document: string | Record<string, unknown>): Uint8Array {
  return utf8(typeof document === "string" ? document : JSON.stringify(document));
}
