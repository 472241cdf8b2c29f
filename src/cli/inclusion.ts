import { open, readFile } from "node:fs/promises";
import { utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodePage, readBundle, scanPage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import {
  encodeInclusion,
  type Inclusion,
  inclusionType,
  verifyInclusionFile,
} from "../dockets/inclusion.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Client } from "./client.ts";
import { policyChain } from "./verified-register.ts";

const beginning = `{"type":"${inclusionType}"`;

/** Whether a file is a proof as `tx get --proof` writes it. */
export async function isInclusionFile(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(beginning.length));
    return buffer.toString("utf8", 0, bytesRead) === beginning;
  } finally {
    await file.close();
  }
}

/** A proof that needs nobody's word, found true here before it is given. */
export async function proveTransaction(
  client: Client,
  wanted: { registerId: string; transactionId: string },
): Promise<string> {
  const { registerId } = wanted;
  const { transaction, docketNumber } = await client.call("getTransaction", { params: wanted });
  const { docket } = await client.call("getDocket", { params: { registerId, docketNumber } });
  const chain = await policyChain(client, registerId);
  const policyPage = upTo(chain, docketNumber);
  const proof = encodeInclusion({ registerId, docket, transaction, policyPage });
  trueInclusion(utf8(proof), {});
  return proof;
}

/** Throws `unprocessable` for a proof that is not true. */
export async function verifyInclusionAt(
  path: string,
  options: { genesisHash?: string },
): Promise<Inclusion> {
  return trueInclusion(new Uint8Array(await readFile(path)), options);
}

function trueInclusion(bytes: Uint8Array, options: { genesisHash?: string }): Inclusion {
  const { genesisHash } = options;
  const verified = verifyInclusionFile(bytes, {
    nowMs: systemClock.nowMs(),
    ...(genesisHash === undefined ? {} : { genesisHash }),
  });
  if (verified.ok) return verified.value;
  throw new PeerError("unprocessable", verified.refusal.code, {
    message: `The proof is not true: ${verified.refusal.message}`,
  });
}

/** The control dockets before a docket; of the genesis docket, itself. */
function upTo(frame: Uint8Array<ArrayBuffer>, docketNumber: number): Uint8Array {
  const scanned = scanPage(frame);
  const all = scanned.ok ? scanned.value.bundles : [];
  const bundles = all
    .map(({ offset, length }) => frame.subarray(offset, offset + length))
    .filter((bundle, index) => {
      const docket = decodeDocket(readBundle(bundle)?.docketData ?? new Uint8Array(0));
      return docket.ok && (index === 0 || docket.value.docketNumber < docketNumber);
    });
  return encodePage({ bundles, headNumber: 0, firstVersion: 0 });
}
