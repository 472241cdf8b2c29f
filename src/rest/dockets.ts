import { present } from "../base/assert.ts";
import { textOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodePage, readBundle } from "../dockets/bundle.ts";
import { decodeDocket, timeMsOf } from "../dockets/decode.ts";
import { leafHash } from "../dockets/hash.ts";
import { proveInclusion } from "../dockets/proof.ts";
import type { Docket, DocketBundle, Leaf } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { ReplyOf } from "./endpoint.ts";
import type { RestSource, StoredBundle } from "./source.ts";
import { heldRegister } from "./visible.ts";

/** Without `from`: the newest ones. */
export async function listDockets(
  call: Call<Endpoints["listDockets"]>,
): Promise<Reply<Endpoints["listDockets"]>> {
  const register = heldRegister(call, call.params.registerId);
  const { limit, from } = call.query;
  const newest = Math.max(register.firstNumber, register.headNumber - limit + 1);
  let next = Math.max(register.firstNumber, from ?? newest);
  const rows: StoredBundle[] = [];
  while (rows.length < limit && next <= register.headNumber) {
    const found = await readSome(call.source, register.registerId, {
      next,
      countMax: limit - rows.length,
    });
    if (found.length === 0) break;
    rows.push(...found);
    next = present(found.at(-1), "the last docket").number + 1;
  }
  return {
    body: rows.map(toRow),
    headers: { "x-total-count": String(register.headNumber - register.firstNumber + 1) },
  };
}

export async function getDocket(
  call: Call<Endpoints["getDocket"]>,
): Promise<Reply<Endpoints["getDocket"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const { docketNumber } = call.params;
  const { bundle } = await readOne(call.source, registerId, docketNumber);
  return {
    body: {
      docket: documentText(bundle.docketData),
      transactions: bundle.transactionData.map(documentText),
    },
  };
}

export async function getTransaction(
  call: Call<Endpoints["getTransaction"]>,
): Promise<Reply<Endpoints["getTransaction"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const { transactionId } = call.params;
  const found = await call.source.findTransaction({ registerId, transactionId });
  if (found === null) {
    throw new PeerError("not-found", "unknown-transaction", {
      message: `The register holds no transaction ${transactionId}`,
      facts: { registerId, transactionId },
    });
  }
  const { docket } = await readOne(call.source, registerId, found.docketNumber);
  const leaves = docket.transactions.map(leafOf);
  return {
    body: {
      registerId,
      transactionId,
      docketNumber: found.docketNumber,
      position: found.position,
      version: found.version,
      transaction: documentText(found.data),
      proof: {
        leaf: present(leaves[found.position], "the transaction's leaf"),
        index: found.position,
        count: leaves.length,
        steps: proveInclusion(leaves, found.position),
        merkleRoot: docket.merkleRoot,
        docketHash: docket.docketHash,
      },
    },
  };
}

/** Everything from `from` to the head as it is now, at the reader's pace. */
export function pages(call: Call<Endpoints["pages"]>): Reply<Endpoints["pages"]> {
  const register = heldRegister(call, call.params.registerId);
  const { from, control } = call.query;
  if (!control && from < register.firstNumber) {
    throw new PeerError("conflict", "pruned", {
      message: `This node holds the register from docket ${register.firstNumber} on only`,
      facts: { firstDocketNumber: register.firstNumber },
    });
  }
  const stream = frames(call, {
    registerId: register.registerId,
    from,
    headNumber: register.headNumber,
    controlOnly: control,
  });
  return { stream };
}

async function* frames(
  call: { source: RestSource; signal: AbortSignal },
  range: { registerId: string; from: number; headNumber: number; controlOnly: boolean },
): AsyncGenerator<Uint8Array> {
  let next = range.from;
  while (next <= range.headNumber && !call.signal.aborted) {
    const found = await call.source.readBundles({
      registerId: range.registerId,
      next,
      countMax: limits.frameDockets,
      bytesMax: limits.frameBytes,
      controlOnly: range.controlOnly,
    });
    const last = found.at(-1);
    if (last === undefined) break;
    const page = encodePage({
      bundles: found.map((one) => one.bundle),
      headNumber: range.headNumber,
      firstVersion: present(found[0], "the first docket").firstVersion,
    });
    yield lengthOf(page);
    yield page;
    next = last.number + 1;
  }
  if (range.controlOnly || next > range.headNumber) yield new Uint8Array(4);
}

function lengthOf(page: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, page.length);
  return bytes;
}

function readSome(
  source: RestSource,
  registerId: string,
  range: { next: number; countMax: number },
): Promise<StoredBundle[]> {
  return source.readBundles({ registerId, ...range, bytesMax: limits.docketBytes });
}

async function readOne(
  source: RestSource,
  registerId: string,
  docketNumber: number,
): Promise<{ bundle: DocketBundle; docket: Docket }> {
  const [found] = await readSome(source, registerId, { next: docketNumber, countMax: 1 });
  if (found === undefined || found.number !== docketNumber) {
    throw new PeerError("not-found", "unknown-docket", {
      message: `The register holds no docket ${docketNumber} here`,
      facts: { registerId, docketNumber },
    });
  }
  const bundle = present(readBundle(found.bundle), "a stored docket's bundle");
  return { bundle, docket: docketOf(bundle) };
}

function toRow(stored: StoredBundle): ReplyOf<Endpoints["listDockets"]>[number] {
  const docket = docketOf(present(readBundle(stored.bundle), "a stored docket's bundle"));
  return {
    docketNumber: docket.docketNumber,
    docketHash: docket.docketHash,
    previousHash: docket.previousHash,
    merkleRoot: docket.merkleRoot,
    createdAt: docket.createdAt,
    proposerValidatorId: docket.proposerValidatorId,
    transactionCount: docket.transactions.length,
    firstVersion: stored.firstVersion,
    bytes: stored.bundle.byteLength,
  };
}

function docketOf(bundle: DocketBundle): Docket {
  const decoded = decodeDocket(bundle.docketData);
  return present(decoded.ok ? decoded.value : null, "a stored docket that can be read");
}

function leafOf(leaf: Leaf): string {
  return leafHash(leaf, present(timeMsOf(leaf.createdAt), "a stored leaf's time"));
}

function documentText(bytes: Uint8Array): string {
  return present(textOf(bytes), "a stored document's text");
}
