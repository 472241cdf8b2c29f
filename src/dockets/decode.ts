import { textOf } from "../base/bytes.ts";
import { bounds } from "./bounds.ts";
import {
  isHash,
  needed,
  once,
  readAlgorithm,
  readBase64url,
  readCount,
  readHash,
  readId,
  readList,
  readTime,
} from "./fields.ts";
import { JsonReader, keysOf, Malformed } from "./json.ts";
import { timeMsOf } from "./time.ts";
import type { Docket, Leaf, Outcome, RefusalCode, Signature, Transaction, Vote } from "./types.ts";

export { timeMsOf };

/**
 * The docket that a document says it is: its size, JSON and shape hold (`size`, `json`, `schema`);
 * whether it is true is `verify.ts`'s question. Unknown and repeated keys are refused.
 */
export function decodeDocket(bytes: Uint8Array): Outcome<Docket> {
  return decoded(bytes, { bytesMax: bounds.docketBytes, what: "docket", read: readDocket });
}

/**
 * The transaction that a document says it is; the extra keys of foreign peers are read over.
 * `expected` is what its docket says of it: a guess that saves time and changes no outcome.
 */
export function decodeTransaction(
  bytes: Uint8Array,
  expected?: { registerId: string; leaf: Leaf | undefined },
): Outcome<Transaction> {
  return decoded(bytes, {
    bytesMax: bounds.transactionBytes,
    what: "transaction",
    read: (reader) =>
      (expected?.leaf === undefined
        ? null
        : readExpected(reader, expected.registerId, expected.leaf)) ?? readTransaction(reader),
  });
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
      docket.docketId = readHash(reader, "docketId");
      return;
    case 1:
      docket.registerId = readId(reader, "registerId");
      return;
    case 2:
      docket.docketNumber = readCount(reader, "docketNumber");
      return;
    case 3:
      docket.previousHash = reader.plain();
      return;
    case 4:
      docket.docketHash = readHash(reader, "docketHash");
      return;
    case 5:
      docket.merkleRoot = readHash(reader, "merkleRoot");
      return;
    case 6:
      docket.createdAt = readTime(reader);
      return;
    case 7:
      docket.proposerValidatorId = readId(reader, "proposerValidatorId");
      return;
    case 8:
      docket.proposerSignature = reader.isNull() ? null : readSignature(reader);
      return;
    case 9:
      docket.votes = readList(reader, {
        read: readVote,
        countMax: bounds.validators,
        what: "votes",
      });
      return;
    case 10:
      docket.transactions = readList(reader, {
        read: readLeaf,
        countMax: bounds.docketTransactions,
        what: "transactions",
      });
      return;
    default:
      docket.groupSignature = readBase64url(reader, "groupSignature");
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
    if (key === 0) transactionId = readId(reader, "transactionId");
    else if (key === 1) payloadHash = readHash(reader, "payloadHash");
    else createdAt = readTime(reader);
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
    if (key === 0) validatorId = readId(reader, "validatorId");
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
    if (key === 0) signature.publicKey = readBase64url(reader, "publicKey");
    else if (key === 1) signature.signatureValue = readBase64url(reader, "signatureValue");
    else if (key === 2) signature.algorithm = readAlgorithm(reader);
    else signature.signedAt = readTime(reader);
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
    if (key === 0) transactionId = readId(reader, "transactionId");
    else if (key === 1) registerId = readId(reader, "registerId");
    else if (key === 2) payloadJson = reader.string();
    else if (key === 3) payloadHash = readHash(reader, "payloadHash");
    else if (key === 4) createdAt = readTime(reader);
    else if (key === 5) signatures = readList(reader, signatureList);
    else reader.value(0);
    key = reader.nextKey(transactionKeys, key + 1, false);
  }
  needed(seen, 0b11_1111, transactionKeys.names);
  return { transactionId, registerId, payloadJson, payloadHash, createdAt, signatures };
}

/**
 * Nearly every document is written as ours are and says what its docket says, which was checked
 * there: then its keys need only be compared. Null, and back at the start, where it is not so.
 */
function readExpected(reader: JsonReader, registerId: string, leaf: Leaf): Transaction | null {
  const { transactionId, payloadHash, createdAt } = leaf;
  const head = `{"transactionId":"${transactionId}","registerId":"${registerId}","payloadJson":`;
  const tail = `,"payloadHash":"${payloadHash}","createdAt":"${createdAt}","signatures":`;
  if (!reader.skip(head)) return null;
  const payloadJson = reader.string();
  if (reader.skip(tail)) {
    const signatures = readList(reader, signatureList);
    if (reader.skip("}")) {
      return { transactionId, registerId, payloadJson, payloadHash, createdAt, signatures };
    }
  }
  reader.at = 0;
  return null;
}

const signatureList = {
  read: readSignature,
  countMax: bounds.transactionSignatures,
  what: "signatures",
};
