/**
 * The origin side: registers that this node creates and seals as their single validator. Owns one
 * `Sealer` a register and the queue of what waits for them, or for a docket of others where this
 * node only follows (`deliver`). REST calls it; it hands what it sealed to the one road (`takeIn`)
 * and never writes a docket itself. Both functions are given by `node.ts`.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { dice } from "../base/prng.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { buildGenesis, buildTransaction, type Signer } from "../dockets/envelope.ts";
import { controlOf, policyPayload } from "../dockets/policy.ts";
import type { Anchor, Head, Outcome, Policy } from "../dockets/types.ts";
import { anchorOf, listRegisters, registerOf } from "../registers/heads.ts";
import type { RegisterRow } from "../registers/registers-table.ts";
import { whichExist } from "../registers/transactions-table.ts";
import type { Clock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { BuiltTransaction } from "./batch.ts";
import { Queue } from "./queue.ts";
import { buildRecord, importNonce } from "./record.ts";
import { refusedByUs, Sealer } from "./sealer.ts";

export interface OriginOptions {
  /** This node's name as a validator and as the sender of what is submitted here. */
  nodeId: string;
  signer: Signer;
  sealCount: number;
  sealMs: number;
  clock: Clock;
  takeIn: (page: { registerId: string; bytes: Uint8Array }) => Promise<Outcome<Head>>;
  /**
   * Sees a transaction to a docket that others seal; resolves with its number once it is here.
   * Rejects with `not-sealed` where validators had it for long.
   */
  deliver: (built: BuiltTransaction) => Promise<number>;
  /** Whether transactions that peers bring are sealed here. */
  acceptTransactions: boolean;
  /** Times that validators are given a queued transaction before it is a dead letter. */
  maxRetries: number;
}

interface Origin {
  options: OriginOptions;
  queue: Queue;
  sealers: Map<string, Sealer>;
}

let origin: Origin | null = null;
const log = logFor("sealing");

/** Takes up what was accepted before the last stop and not sealed. */
export async function open(options: OriginOptions): Promise<void> {
  assert(origin === null, "the origin is opened once");
  const queue = new Queue({
    clock: options.clock,
    dice,
    log,
    maxRetries: options.maxRetries,
    seal: (built) => bringToDocket(built),
  });
  await queue.open();
  origin = { options, queue, sealers: new Map() };
  for (const { registerId } of listRegisters()) await queue.resume(registerId);
}

/** Seals what waits, so that nothing accepted is left for the next start. */
export async function close(): Promise<void> {
  const closing = origin;
  if (closing === null) return;
  closing.queue.close();
  await Promise.allSettled([...closing.sealers.values()].map((sealer) => sealer.flush()));
  origin = null;
}

/**
 * A new register with this node as its single validator; its genesis docket is stored. With
 * `registerId` a request that was broken off can be made again: what is there is not made twice.
 */
export async function createRegister(request: {
  name: string;
  description?: string;
  isPublic?: boolean;
  readers?: string[];
  registerId?: string;
}): Promise<{ registerId: string; genesisHash: string }> {
  const { nodeId, signer, clock, takeIn } = opened().options;
  const { registerId = hexOf(randomBytes(16)) } = request;
  const made = request.registerId === undefined ? null : registerOf(registerId);
  if (made !== null) return { registerId, genesisHash: made.genesisHash };
  const policy: Policy = {
    version: 1,
    validators: [{ validatorId: nodeId, publicKey: signer.publicKey, algorithm: signer.algorithm }],
    threshold: 1,
    isPublic: request.isPublic ?? true,
    name: request.name,
    description: request.description ?? "",
    ...(request.readers === undefined ? {} : { readers: request.readers }),
  };
  const createdAtMs = clock.nowMs();
  const genesis = buildGenesis({ registerId, policy, createdAtMs, validatorId: nodeId, signer });
  const bytes = encodePage({ bundles: [encodeBundle(genesis)], headNumber: 0, firstVersion: 1 });
  const outcome = await takeIn({ registerId, bytes });
  if (!outcome.ok) throw refusedByUs(outcome.refusal);
  log.info({ registerId, name: request.name }, "Register created");
  return { registerId, genesisHash: outcome.value.hash };
}

/**
 * Accepts one transaction; `dataText` is JSON, checked where it came in. It is durable when this
 * resolves, and sealed soon after. With `wait` it resolves only once its docket is stored, and says
 * which. A transaction of the same record and `nonce` is accepted once.
 */
export async function submit(request: {
  registerId: string;
  dataText: string;
  type?: string;
  recipients?: string[];
  wait?: boolean;
  nonce?: string;
}): Promise<{ transactionId: string; docketNumber?: number }> {
  const { queue } = opened();
  const { wait, nonce = hexOf(randomBytes(16)), ...record } = request;
  heldRegister(request.registerId);
  const built = buildRecord({ ...record, nonce }, author());
  const { transactionId } = built.transaction;
  const isNew = request.nonce === undefined;
  const { sealed } = await (isNew ? queue.accept(built) : queue.acceptOnce(built));
  return wait ? { transactionId, docketNumber: await sealed } : { transactionId };
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
  const { registerId, importId } = request;
  const sealer = sealerOf(registerId);
  const by = author();
  const built = request.lines.map((dataText, index) => {
    const line = request.firstLine + index;
    return buildRecord({ registerId, dataText, nonce: importNonce(importId, line), line }, by);
  });
  const accepted = await sealer.alone(async (seal) => {
    const held = await whichExist(sql(), {
      registerId,
      transactionIds: built.map((one) => one.transaction.transactionId),
    });
    const fresh = built.filter((one) => !held.has(one.transaction.transactionId));
    await seal(fresh);
    return fresh.length;
  });
  return {
    accepted,
    alreadyPresent: request.lines.length - accepted,
    headNumber: anchor(registerId).nextNumber - 1,
  };
}

/**
 * Peers brought a transaction that was found true: it is sealed if that is this node's to do. Who
 * submitted it keeps it durably, and tells of it again should this node forget it.
 */
export function takePending(built: BuiltTransaction): void {
  const { options, queue } = opened();
  const register = registerOf(built.transaction.registerId);
  if (!options.acceptTransactions || register === null || !isOwn(register)) return;
  // The policy of a register with one validator changes at that validator only.
  if (controlOf(built.transaction.payloadJson).kind !== "none") return;
  queue.sealOnce(built).catch(() => undefined);
}

/**
 * Seals a new policy of a register under the one in force, in a docket of its own: what comes after
 * it is sealed under the new one. Resolves once it is stored.
 */
export async function changePolicy(registerId: string, policy: Policy): Promise<void> {
  const sealer = sealerOf(registerId);
  const { signer, clock } = opened().options;
  const payloadJson = policyPayload(policy);
  const built = buildTransaction({ registerId, payloadJson, createdAtMs: clock.nowMs(), signer });
  await sealer.sealNow([built]);
  const register = registerOf(registerId);
  if (register === null || !isOwn(register)) opened().sealers.delete(registerId);
  const { version, threshold } = policy;
  log.info({ registerId, version, threshold }, "Policy changed");
}

/** Waiting for a docket, over all registers. */
export function queueSize(): number {
  return opened().queue.count;
}

/** The transactions that were submitted here and are in no docket. */
export function queue(): Queue {
  return opened().queue;
}

/** Its own sealer's docket, or the one of whoever seals the register. */
function bringToDocket(built: BuiltTransaction): Promise<number> {
  const { registerId } = built.transaction;
  const register = heldRegister(registerId);
  return isOwn(register) ? sealerOf(registerId).submit(built) : opened().options.deliver(built);
}

function heldRegister(registerId: string): RegisterRow {
  const register = registerOf(registerId);
  if (register !== null) return register;
  throw new PeerError("not-found", "unknown-register", {
    message: `This node holds no register ${registerId}`,
  });
}

function author(): { sender: string; signer: Signer; nowMs: number } {
  const { nodeId, signer, clock } = opened().options;
  return { sender: nodeId, signer, nowMs: clock.nowMs() };
}

function sealerOf(registerId: string): Sealer {
  const { options, sealers } = opened();
  const known = sealers.get(registerId);
  if (known !== undefined) return known;
  const register = heldRegister(registerId);
  if (!isOwn(register)) {
    throw new PeerError("conflict", "not-the-validator", {
      message: `This node does not seal register ${registerId}; submit at one of its validators`,
    });
  }
  const sealer = new Sealer({
    ...options,
    registerId,
    validatorId: options.nodeId,
    anchor: () => anchor(registerId),
  });
  sealers.set(registerId, sealer);
  return sealer;
}

/** True where this node's key alone can seal. */
function isOwn(register: RegisterRow): boolean {
  const { publicKey } = opened().options.signer;
  const { validators, threshold } = register.policy;
  return threshold === 1 && validators.some((one) => one.publicKey === publicKey);
}

function anchor(registerId: string): Anchor {
  const found = anchorOf(registerId);
  assert(found !== null, "a sealed register is held");
  return found;
}

function opened(): Origin {
  assert(origin !== null, "the origin is open");
  return origin;
}
