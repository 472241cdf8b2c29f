import { textOf } from "../base/bytes.ts";
import { bounds } from "./bounds.ts";
import { JsonReader, keysOf, Malformed } from "./json.ts";
import type { Docket, Leaf, Outcome, RefusalCode, Signature, Transaction, Vote } from "./types.ts";

/**
 * The docket that a document says it is: its size, JSON and shape hold (`size`, `json`, `schema`);
 * whether it is true is `verify.ts`'s question. Unknown and repeated keys are refused.
 */
export function decodeDocket(bytes: Uint8Array): Outcome<Docket> {
  return decoded(bytes, { bytesMax: bounds.docketBytes, what: "docket", read: readDocket });
}

/** The transaction that a document says it is; the extra keys of foreign peers are read over. */
export function decodeTransaction(bytes: Uint8Array): Outcome<Transaction> {
  return decoded(bytes, {
    bytesMax: bounds.transactionBytes,
    what: "transaction",
    read: readTransaction,
  });
}

/** Unix ms of `YYYY-MM-DDTHH:mm:ss.sssZ`; null for every other spelling and for days that are none. */
export function timeMsOf(text: string): number | null {
  if (text.length !== 24) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || new Date(ms).toISOString() !== text ? null : ms;
}

export function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Register, transaction, validator and node ids: none of their characters needs an escape. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9._:-]{1,255}$/.test(text);
}

/** Base64url without padding; whether it is canonical shows when its bytes are taken. */
export function isBase64url(text: string): boolean {
  return text.length <= bounds.keyLength && /^[A-Za-z0-9_-]+$/.test(text);
}

function decoded<T>(
  bytes: Uint8Array,
  options: { bytesMax: number; what: string; read: (reader: JsonReader) => T },
): Outcome<T> {
  if (bytes.length > options.bytesMax) {
    return refused(
      "size",
      `The ${options.what} has ${bytes.length} bytes, more than ${options.bytesMax}`,
    );
  }
  const text = textOf(bytes);
  if (text === null) return refused("json", `The ${options.what} is not UTF-8`);
  const reader = new JsonReader(text);
  try {
    const value = options.read(reader);
    reader.end();
    return { ok: true, value };
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown;
    return refused(thrown.code, `The ${options.what} does not read: ${thrown.message}`);
  }
}

function refused(code: RefusalCode, message: string): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber: null } };
}

const docketKeys = keysOf([
  "docketId",
  "registerId",
  "docketNumber",
  "previousHash",
  "docketHash",
  "merkleRoot",
  "createdAt",
  "proposerValidatorId",
  "proposerSignature",
  "votes",
  "transactions",
  "groupSignature",
]);
/** `proposerSignature` may be missing, as foreign peers forward it, and so may `groupSignature`. */
const docketNeeds = 0b0110_1111_1111;

function readDocket(reader: JsonReader): Docket {
  const docket: Docket = {
    docketId: "",
    registerId: "",
    docketNumber: 0,
    previousHash: "",
    docketHash: "",
    merkleRoot: "",
    createdAt: "",
    proposerValidatorId: "",
    proposerSignature: null,
    votes: [],
    transactions: [],
  };
  let seen = 0;
  reader.open("{");
  for (let key = reader.nextKey(docketKeys, 0, true); key >= 0; ) {
    seen = once(seen, key, docketKeys.names);
    readDocketField(reader, docket, key);
    key = reader.nextKey(docketKeys, key + 1, false);
  }
  needed(seen, docketNeeds, docketKeys.names);
  if (docket.docketNumber === 0 ? docket.previousHash !== "" : !isHash(docket.previousHash)) {
    throw new Malformed("schema", "previousHash is empty in docket 0 and a hash in every other");
  }
  return docket;
}

function readDocketField(reader: JsonReader, docket: Docket, key: number): void {
  switch (key) {
    case 0:
      docket.docketId = hash(reader, "docketId");
      return;
    case 1:
      docket.registerId = id(reader, "registerId");
      return;
    case 2:
      docket.docketNumber = count(reader, "docketNumber");
      return;
    case 3:
      docket.previousHash = reader.plain();
      return;
    case 4:
      docket.docketHash = hash(reader, "docketHash");
      return;
    case 5:
      docket.merkleRoot = hash(reader, "merkleRoot");
      return;
    case 6:
      docket.createdAt = time(reader);
      return;
    case 7:
      docket.proposerValidatorId = id(reader, "proposerValidatorId");
      return;
    case 8:
      docket.proposerSignature = reader.isNull() ? null : readSignature(reader);
      return;
    case 9:
      docket.votes = list(reader, { read: readVote, countMax: bounds.validators, what: "votes" });
      return;
    case 10:
      docket.transactions = list(reader, {
        read: readLeaf,
        countMax: bounds.docketTransactions,
        what: "transactions",
      });
      return;
    default:
      docket.groupSignature = base64url(reader, "groupSignature");
  }
}

const leafKeys = keysOf(["transactionId", "payloadHash", "createdAt"]);

function readLeaf(reader: JsonReader): Leaf {
  let seen = 0;
  let transactionId = "";
  let payloadHash = "";
  let createdAt = "";
  reader.open("{");
  for (let key = reader.nextKey(leafKeys, 0, true); key >= 0; ) {
    seen = once(seen, key, leafKeys.names);
    if (key === 0) transactionId = id(reader, "transactionId");
    else if (key === 1) payloadHash = hash(reader, "payloadHash");
    else createdAt = time(reader);
    key = reader.nextKey(leafKeys, key + 1, false);
  }
  needed(seen, 0b111, leafKeys.names);
  return { transactionId, payloadHash, createdAt };
}

const voteKeys = keysOf(["validatorId", "validatorSignature"]);

function readVote(reader: JsonReader): Vote {
  let seen = 0;
  let validatorId = "";
  let validatorSignature: Signature = { publicKey: "", signatureValue: "", algorithm: "" };
  reader.open("{");
  for (let key = reader.nextKey(voteKeys, 0, true); key >= 0; ) {
    seen = once(seen, key, voteKeys.names);
    if (key === 0) validatorId = id(reader, "validatorId");
    else validatorSignature = readSignature(reader);
    key = reader.nextKey(voteKeys, key + 1, false);
  }
  needed(seen, 0b11, voteKeys.names);
  return { validatorId, validatorSignature };
}

const signatureKeys = keysOf(["publicKey", "signatureValue", "algorithm", "signedAt"]);

function readSignature(reader: JsonReader): Signature {
  const signature: Signature = { publicKey: "", signatureValue: "", algorithm: "" };
  let seen = 0;
  reader.open("{");
  for (let key = reader.nextKey(signatureKeys, 0, true); key >= 0; ) {
    seen = once(seen, key, signatureKeys.names);
    if (key === 0) signature.publicKey = base64url(reader, "publicKey");
    else if (key === 1) signature.signatureValue = base64url(reader, "signatureValue");
    else if (key === 2) signature.algorithm = algorithm(reader);
    else signature.signedAt = time(reader);
    key = reader.nextKey(signatureKeys, key + 1, false);
  }
  needed(seen, 0b111, signatureKeys.names);
  return signature;
}

const transactionKeys = keysOf([
  "transactionId",
  "registerId",
  "payloadJson",
  "payloadHash",
  "createdAt",
  "signatures",
  "blueprintId",
  "actionId",
  "expiresAt",
  "priority",
  "metadata",
]);

function readTransaction(reader: JsonReader): Transaction {
  let seen = 0;
  let transactionId = "";
  let registerId = "";
  let payloadJson = "";
  let payloadHash = "";
  let createdAt = "";
  let signatures: Signature[] = [];
  reader.open("{");
  for (let key = reader.nextKey(transactionKeys, 0, true); key >= 0; ) {
    seen = once(seen, key, transactionKeys.names);
    if (key === 0) transactionId = id(reader, "transactionId");
    else if (key === 1) registerId = id(reader, "registerId");
    else if (key === 2) payloadJson = reader.string();
    else if (key === 3) payloadHash = hash(reader, "payloadHash");
    else if (key === 4) createdAt = time(reader);
    else if (key === 5) signatures = list(reader, signatureList);
    else reader.value(0);
    key = reader.nextKey(transactionKeys, key + 1, false);
  }
  needed(seen, 0b11_1111, transactionKeys.names);
  return { transactionId, registerId, payloadJson, payloadHash, createdAt, signatures };
}

const signatureList = {
  read: readSignature,
  countMax: bounds.transactionSignatures,
  what: "signatures",
};

function list<T>(
  reader: JsonReader,
  options: { read: (reader: JsonReader) => T; countMax: number; what: string },
): T[] {
  const items: T[] = [];
  reader.open("[");
  for (let isFirst = true; reader.nextItem(isFirst); isFirst = false) {
    if (items.length === options.countMax) {
      throw new Malformed("size", `There are more than ${options.countMax} ${options.what}`);
    }
    items.push(options.read(reader));
  }
  return items;
}

function once(seen: number, key: number, names: readonly string[]): number {
  const bit = 1 << key;
  if ((seen & bit) !== 0) throw new Malformed("json", `The key "${names[key]}" is there twice`);
  return seen | bit;
}

function needed(seen: number, needs: number, names: readonly string[]): void {
  if ((seen & needs) === needs) return;
  const name = names.find((_, index) => (needs & ~seen & (1 << index)) !== 0);
  throw new Malformed("schema", `The key "${name}" is missing`);
}

function id(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isId(text)) throw new Malformed("schema", `${name} is not an id`);
  return text;
}

function hash(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isHash(text)) throw new Malformed("schema", `${name} is not 64 lowercase hex characters`);
  return text;
}

function base64url(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isBase64url(text)) throw new Malformed("schema", `${name} is not base64url`);
  return text;
}

function algorithm(reader: JsonReader): string {
  const text = reader.plain();
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) throw new Malformed("schema", "algorithm is not a name");
  return text;
}

function time(reader: JsonReader): string {
  const text = reader.plain();
  if (timeMsOf(text) === null) {
    throw new Malformed("schema", "A time is spelled YYYY-MM-DDTHH:mm:ss.sssZ");
  }
  return text;
}

function count(reader: JsonReader, name: string): number {
  const value = reader.integer();
  if (!Number.isSafeInteger(value)) {
    throw new Malformed("schema", `${name} is not a whole number that can be counted to`);
  }
  return value;
}
