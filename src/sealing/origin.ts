/**
 * The origin side: registers that this node seals, alone or with others, and what is submitted here
 * to any register. Owns the queue of what waits for a docket, one `Sealer` for each register that
 * this node seals alone, and the `Councils` for all others. REST calls it; what was sealed goes
 * down the one road (`takeIn`, given by `node.ts`), and no docket is written here.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { dice } from "../base/prng.ts";
import type { Signer } from "../dockets/keys.ts";
import { controlOf } from "../dockets/policy.ts";
import type { Anchor, Head, Outcome, Policy } from "../dockets/types.ts";
import { post } from "../peers/post.ts";
import { anchorOf, listRegisters, registerOf } from "../registers/heads.ts";
import { whichExist } from "../registers/transactions-table.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { BuiltTransaction } from "./batch.ts";
import { Councils, type CouncilsOptions } from "./councils.ts";
import { foundAlone, foundTogether, type NewRegister, policyOfNew } from "./founding.ts";
import { agreeTo, type PolicyChange, policyAfterChange } from "./policy-change.ts";
import { Queue } from "./queue.ts";
import { buildRecord, importNonce } from "./record.ts";
import { Sealer } from "./sealer.ts";

export interface OriginOptions extends Omit<CouncilsOptions, "dice" | "log" | "post" | "takeIn"> {
  takeIn: (page: {
    registerId: string;
    bytes: Uint8Array;
    isOrigin: boolean;
  }) => Promise<Outcome<Head>>;
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
  councils: Councils;
  sealers: Map<string, Sealer>;
}

let origin: Origin | null = null;
const log = logFor("sealing");

/** Takes up what was accepted before the last stop and not sealed. */
export async function open(options: OriginOptions): Promise<void> {
  assert(origin === null, "the origin is opened once");
  const { clock, maxRetries } = options;
  const queue = new Queue({ clock, dice, log, maxRetries, seal: bringToDocket });
  await queue.open();
  const takeIn: CouncilsOptions["takeIn"] = (page) => options.takeIn({ ...page, isOrigin: false });
  const councils = new Councils({ ...options, dice, log, post: post(), takeIn });
  origin = { options, queue, councils, sealers: new Map() };
  for (const { registerId } of listRegisters()) await queue.resume(registerId);
}

/** Seals what waits, so that nothing accepted is left for the next start. */
export async function close(): Promise<void> {
  const closing = origin;
  if (closing === null) return;
  closing.queue.close();
  await closing.councils.close();
  await Promise.allSettled([...closing.sealers.values()].map((sealer) => sealer.flush()));
  origin = null;
}

/**
 * A new register; its genesis docket is stored. This node is its first validator, and the only one
 * unless others are named: then the genesis goes through a round with them, who must be willing
 * (`sealFor`). With `registerId` a request that was broken off can be made again: what is there is
 * not made twice. Throws `validators-silent`.
 */
export async function createRegister(
  request: NewRegister & { registerId?: string },
): Promise<{ registerId: string; genesisHash: string }> {
  const { councils, options } = opened();
  const { registerId = hexOf(randomBytes(16)) } = request;
  const made = request.registerId === undefined ? null : registerOf(registerId);
  if (made !== null) return { registerId, genesisHash: made.genesisHash };
  const policy = policyOfNew(request, options);
  if (policy.validators.length > 1) {
    const council = councils.of(registerId);
    const genesisHash = await foundTogether({ registerId, policy }, { ...options, council });
    log.info({ registerId, name: request.name }, "Register founded");
    return { registerId, genesisHash };
  }
  const genesisHash = await foundAlone({ registerId, policy }, options);
  log.info({ registerId, name: request.name }, "Register created");
  return { registerId, genesisHash };
}

/** As `setPolicy`, for what an operator wants to be different. */
export async function changePolicy(
  change: PolicyChange,
): Promise<{ transactionId: string; policy: Policy; docketNumber?: number }> {
  const { registerId } = change;
  const policy = policyAfterChange(change, { held: policyOf(registerId), ...opened().options });
  return { policy, ...(await setPolicy(registerId, policy)) };
}

/**
 * Agrees to a new policy and submits it: in force from the docket after the one that takes it in.
 * Where several seal, as many operators as decide about a docket must agree to the very
 * same, each at its own node; where this node seals alone it is stored when this resolves.
 */
export async function setPolicy(
  registerId: string,
  policy: Policy,
): Promise<{ transactionId: string; docketNumber?: number }> {
  const { queue, options, sealers } = opened();
  const { signer, clock, keepUp } = options;
  const built = await agreeTo({ registerId, policy }, { signer, nowMs: clock.nowMs() });
  const { transactionId } = built.transaction;
  if (!isOwn(policyOf(registerId))) {
    await queue.acceptOnce(built);
    return { transactionId };
  }
  // Alone in its docket: what comes behind it is sealed under the new policy, perhaps by others.
  await sealerOf(registerId).sealNow([built]);
  if (!isOwn(policy)) sealers.delete(registerId);
  if (policy.validators.length > 1)
    await keepUp(registerId, registerOf(registerId)?.genesisHash ?? "");
  return { transactionId, docketNumber: anchor(registerId).nextNumber - 1 };
}

/**
 * Accepts one transaction; `dataText` is JSON, checked where it came in. It is durable when this
 * resolves, and sealed soon after, here or by the register's validators. With `wait` it resolves
 * only once its docket is stored, and says which. A transaction of the same record and `nonce` is
 * accepted once.
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
  policyOf(request.registerId);
  const built = buildRecord({ ...record, nonce }, author());
  const { transactionId } = built.transaction;
  const isNew = request.nonce === undefined;
  const { sealed } = await (isNew ? queue.accept(built) : queue.acceptOnce(built));
  return wait ? { transactionId, docketNumber: await sealed } : { transactionId };
}

/**
 * Seals lines of an import in their order, where this node seals alone; else each is submitted.
 * They are stored when this resolves. A line's nonce comes from the import's id and the line's
 * number, so that running an import again finds what is already there instead of doubling it.
 */
export async function importRecords(request: {
  registerId: string;
  importId: string;
  firstLine: number;
  lines: readonly string[];
}): Promise<{ accepted: number; alreadyPresent: number; headNumber: number }> {
  const { registerId, importId } = request;
  const { queue } = opened();
  const by = author();
  const built = request.lines.map((dataText, index) => {
    const line = request.firstLine + index;
    return buildRecord({ registerId, dataText, nonce: importNonce(importId, line), line }, by);
  });
  const fresh = async () => {
    const transactionIds = built.map((one) => one.transaction.transactionId);
    const held = await whichExist(sql(), { registerId, transactionIds });
    return built.filter((one) => !held.has(one.transaction.transactionId));
  };
  const alone = async (sealAll: (some: readonly BuiltTransaction[]) => Promise<void>) => {
    const missing = await fresh();
    await sealAll(missing);
    return missing.length;
  };
  const accepted = isOwn(policyOf(registerId))
    ? await sealerOf(registerId).alone(alone)
    : await alone((some) => submitAll(some, queue));
  return {
    accepted,
    alreadyPresent: request.lines.length - accepted,
    headNumber: anchor(registerId).nextNumber - 1,
  };
}

async function submitAll(some: readonly BuiltTransaction[], queue: Queue): Promise<void> {
  const sealed: Promise<number>[] = [];
  for (const built of some) sealed.push((await queue.acceptOnce(built)).sealed);
  await Promise.all(sealed);
}

/**
 * Peers brought a transaction that was found true: it is sealed if that is this node's to do. Who
 * submitted it keeps it durably, and tells of it again should this node forget it.
 */
export function takePending(built: BuiltTransaction): void {
  const { councils, options, queue } = opened();
  const policy = registerOf(built.transaction.registerId)?.policy;
  if (!options.acceptTransactions || policy === undefined) return;
  if (!isOwn(policy)) {
    if (councils.isWilling(policy)) councils.add(built).catch(() => undefined);
    return;
  }
  // The policy of a register with one validator changes at that validator only.
  if (controlOf(built.transaction.payloadJson).kind !== "none") return;
  queue.sealOnce(built).catch(() => undefined);
}

/** Whether this node takes the seat that a policy gives it: `sealFor` says with whom. */
export function isWilling(policy: Policy): boolean {
  return opened().councils.isWilling(policy);
}

/** Waiting for a docket, over all registers. */
export function queueSize(): number {
  return opened().queue.count;
}

/** Messages of validators that wait at the register that has most of them. */
export function deepestInbox(): number {
  return opened().councils.deepestInbox;
}

/** The transactions that were submitted here and are in no docket. */
export function queue(): Queue {
  return opened().queue;
}

function author(): { sender: string; signer: Signer; nowMs: number } {
  const { nodeId, signer, clock } = opened().options;
  return { sender: nodeId, signer, nowMs: clock.nowMs() };
}

/** Its own sealer's docket, or one of those who seal the register, this node among them or not. */
async function bringToDocket(built: BuiltTransaction): Promise<number> {
  const { registerId } = built.transaction;
  const { councils, options } = opened();
  const policy = policyOf(registerId);
  if (isOwn(policy)) return sealerOf(registerId).submit(built);
  if (councils.isWilling(policy)) await councils.add(built);
  return options.deliver(built);
}

function policyOf(registerId: string): Policy {
  const register = registerOf(registerId);
  if (register !== null) return register.policy;
  throw new PeerError("not-found", "unknown-register", {
    message: `This node holds no register ${registerId}`,
  });
}

function sealerOf(registerId: string): Sealer {
  const { options, sealers } = opened();
  const known = sealers.get(registerId);
  if (known !== undefined) return known;
  const sealer = new Sealer({
    ...options,
    registerId,
    validatorId: options.nodeId,
    anchor: () => anchor(registerId),
    takeIn: (page) => options.takeIn({ ...page, isOrigin: true }),
  });
  sealers.set(registerId, sealer);
  return sealer;
}

/** True where this node's key alone can seal, and nobody else's. */
function isOwn({ validators }: Policy): boolean {
  const { publicKey } = opened().options.signer;
  return validators.length === 1 && validators[0]?.publicKey === publicKey;
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
