/**
 * The origin side: registers that this node creates and seals as their single validator. Owns one
 * `Sealer` a register. REST calls it; it hands what it sealed to the one road (`takeIn`, given by
 * `node.ts`) and never writes a docket itself.
 */
import { createHash, randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { decodeTransaction } from "../dockets/decode.ts";
import { buildGenesis, buildPayload, buildTransaction, type Signer } from "../dockets/envelope.ts";
import type { Anchor, Head, Outcome, Policy } from "../dockets/types.ts";
import { anchorOf, listRegisters, registerOf } from "../registers/heads.ts";
import type { RegisterRow } from "../registers/registers-table.ts";
import { whichExist } from "../registers/transactions-table.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { BuiltTransaction } from "./batch.ts";
import { countQueued, deleteQueued, insertQueued, listQueued } from "./queued-table.ts";
import { Sealer } from "./sealer.ts";

export interface OriginOptions {
  /** This node's name as a validator and as the sender of what is submitted here. */
  nodeId: string;
  signer: Signer;
  sealCount: number;
  sealMs: number;
  clock: Clock;
  takeIn: (page: { registerId: string; bytes: Uint8Array }) => Promise<Outcome<Head>>;
}

let options: OriginOptions | null = null;
const sealers = new Map<string, Sealer>();
let queuedCount = 0;
let lastPlace = 0;
const log = logFor("sealing");

/** Takes up what was accepted before the last stop and not sealed. */
export async function open(given: OriginOptions): Promise<void> {
  assert(options === null, "the origin is opened once");
  options = given;
  queuedCount = await countQueued(sql());
  for (const register of listRegisters()) {
    if (isOwn(register)) await resumeQueued(register.registerId);
  }
}

/** Seals what waits, so that nothing accepted is left for the next start. */
export async function close(): Promise<void> {
  await Promise.allSettled([...sealers.values()].map((sealer) => sealer.flush()));
  sealers.clear();
  options = null;
}

/** A new register with this node as its single validator; its genesis docket is stored. */
export async function createRegister(request: {
  name: string;
  description?: string;
  isPublic?: boolean;
  readers?: string[];
}): Promise<{ registerId: string; genesisHash: string }> {
  const { nodeId, signer, clock, takeIn } = opened();
  const registerId = hexOf(randomBytes(16));
  const policy: Policy = {
    version: 1,
    validators: [{ validatorId: nodeId, publicKey: signer.publicKey, algorithm: signer.algorithm }],
    threshold: 1,
    isPublic: request.isPublic ?? true,
    name: request.name,
    description: request.description ?? "",
    ...(request.readers === undefined ? {} : { readers: request.readers }),
  };
  const genesis = buildGenesis({
    registerId,
    policy,
    createdAtMs: clock.nowMs(),
    validatorId: nodeId,
    signer,
  });
  const bytes = encodePage({ bundles: [encodeBundle(genesis)], headNumber: 0, firstVersion: 1 });
  const outcome = await takeIn({ registerId, bytes });
  if (!outcome.ok) throw refusedByUs(outcome.refusal);
  log.info({ registerId, name: request.name }, "Register created");
  return { registerId, genesisHash: outcome.value.hash };
}

/** The register of that name that this node seals, if there is just one. */
export function findOwnRegister(name: string): string | null {
  const found = listRegisters().filter((row) => isOwn(row) && row.name === name);
  return found.length === 1 ? (found[0]?.registerId ?? null) : null;
}

/**
 * Accepts one transaction; `dataText` is JSON, checked where it came in. It is durable when this resolves, and sealed soon after. With `wait` it
 * resolves only once its docket is stored, and says which.
 */
export async function submit(request: {
  registerId: string;
  dataText: string;
  type?: string;
  recipients?: string[];
  wait?: boolean;
}): Promise<{ transactionId: string; docketNumber?: number }> {
  const sealer = sealerOf(request.registerId);
  if (queuedCount >= limits.queuedTransactions) {
    throw new PeerError("exhausted", "queue-full", {
      message: `There are already ${queuedCount} transactions waiting to be sealed`,
    });
  }
  const built = build(request.registerId, {
    dataText: request.dataText,
    nonce: hexOf(randomBytes(16)),
    ...(request.type === undefined ? {} : { type: request.type }),
    ...(request.recipients === undefined ? {} : { recipients: request.recipients }),
  });
  const transactionId = built.transaction.transactionId;
  queuedCount += 1;
  try {
    await insertQueued(sql(), {
      registerId: request.registerId,
      transactionId,
      data: built.bytes,
      place: nextPlace(),
      nowMs: opened().clock.nowMs(),
    });
  } catch (error) {
    queuedCount -= 1;
    throw error;
  }
  const sealing = sealQueued(sealer, built);
  if (request.wait) return { transactionId, docketNumber: await sealing };
  sealing.catch(() => undefined);
  return { transactionId };
}

/**
 * Seals lines of an import in their order; they are stored when this resolves. A line's nonce
 * comes from the import's id and the line's number, so that running an import again finds what is
 * already there instead of doubling it.
 */
export async function importRecords(request: {
  registerId: string;
  importId: string;
  firstLine: number;
  lines: readonly string[];
}): Promise<{ accepted: number; alreadyPresent: number; headNumber: number }> {
  const sealer = sealerOf(request.registerId);
  const built = request.lines.map((dataText, index) =>
    build(request.registerId, {
      dataText,
      nonce: importNonce(request.importId, request.firstLine + index),
      line: request.firstLine + index,
    }),
  );
  const accepted = await sealer.alone(async (seal) => {
    const held = await whichExist(sql(), {
      registerId: request.registerId,
      transactionIds: built.map((one) => one.transaction.transactionId),
    });
    const fresh = built.filter((one) => !held.has(one.transaction.transactionId));
    await seal(fresh);
    return fresh.length;
  });
  return {
    accepted,
    alreadyPresent: request.lines.length - accepted,
    headNumber: anchor(request.registerId).nextNumber - 1,
  };
}

/** Waiting for a docket, over all registers. */
export function queueSize(): number {
  return queuedCount;
}

function build(
  registerId: string,
  record: {
    dataText: string;
    nonce: string;
    type?: string;
    recipients?: string[];
    line?: number;
  },
): BuiltTransaction {
  const { nodeId, signer, clock } = opened();
  const payloadJson = buildPayload({
    type: record.type ?? "Action",
    sender: nodeId,
    recipients: record.recipients ?? [],
    previousTransactionId: null,
    nonce: record.nonce,
    dataText: record.dataText,
  });
  const built = buildTransaction({ registerId, payloadJson, createdAtMs: clock.nowMs(), signer });
  if (built.bytes.length > limits.transactionBytes) {
    const where = record.line === undefined ? "The record" : `The record in line ${record.line}`;
    throw new PeerError("too-large", "record-too-large", {
      message: `${where} makes a transaction of ${built.bytes.length} bytes; the limit is ${limits.transactionBytes}`,
      facts: { bytes: built.bytes.length, limit: limits.transactionBytes, line: record.line },
    });
  }
  return built;
}

/** Ascends over restarts too: places are unix µs, moved on where two would be equal. */
function nextPlace(): number {
  lastPlace = Math.max(lastPlace + 1, opened().clock.nowMs() * 1000);
  return lastPlace;
}

async function sealQueued(sealer: Sealer, built: BuiltTransaction): Promise<number> {
  const { registerId, transactionId } = built.transaction;
  try {
    const docketNumber = await sealer.submit(built);
    await deleteQueued(sql(), { registerId, transactionIds: [transactionId] });
    queuedCount -= 1;
    return docketNumber;
  } catch (error) {
    log.error(
      { registerId, transactionId, err: error },
      "A transaction is still waiting for its docket",
    );
    throw error;
  }
}

/** A crash may fall between sealing a transaction and taking it off the queue: then it is held. */
async function resumeQueued(registerId: string): Promise<void> {
  const queued = await listQueued(sql(), registerId);
  if (queued.length === 0) return;
  const held = await whichExist(sql(), {
    registerId,
    transactionIds: queued.map((one) => one.transactionId),
  });
  await deleteQueued(sql(), { registerId, transactionIds: [...held] });
  queuedCount -= held.size;
  const waiting = queued.filter((one) => !held.has(one.transactionId));
  log.info({ registerId, waiting: waiting.length, sealed: held.size }, "Queue taken up again");
  for (const one of waiting) {
    const decoded = decodeTransaction(one.data);
    assert(decoded.ok, "what was queued can be read");
    const built = { transaction: decoded.value, bytes: one.data };
    sealQueued(sealerOf(registerId), built).catch(() => undefined);
  }
}

function sealerOf(registerId: string): Sealer {
  const { nodeId, signer, sealCount, sealMs, clock, takeIn } = opened();
  const known = sealers.get(registerId);
  if (known !== undefined) return known;
  const register = registerOf(registerId);
  if (register === null) {
    throw new PeerError("not-found", "unknown-register", {
      message: `This node holds no register ${registerId}`,
    });
  }
  if (!isOwn(register)) {
    throw new PeerError("conflict", "not-the-validator", {
      message: `This node does not seal register ${registerId}; submit at one of its validators`,
    });
  }
  const sealer = new Sealer({
    registerId,
    validatorId: nodeId,
    signer,
    sealCount,
    sealMs,
    clock,
    anchor: () => anchor(registerId),
    takeIn,
  });
  sealers.set(registerId, sealer);
  return sealer;
}

/** True where this node's key alone can seal. */
function isOwn(register: RegisterRow): boolean {
  const { signer } = opened();
  const { validators, threshold } = register.policy;
  return threshold === 1 && validators.some((one) => one.publicKey === signer.publicKey);
}

function anchor(registerId: string): Anchor {
  const found = anchorOf(registerId);
  assert(found !== null, "a sealed register is held");
  return found;
}

function importNonce(importId: string, line: number): string {
  return createHash("sha256").update(`${importId}:${line}`).digest("hex").slice(0, 32);
}

function refusedByUs(refusal: { code: string; message: string }): PeerError {
  return new PeerError("internal", "seal-refused", {
    message: `Our own docket was refused (${refusal.code}): ${refusal.message}`,
  });
}

function opened(): OriginOptions {
  assert(options !== null, "the origin is open");
  return options;
}
