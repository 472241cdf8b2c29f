import { PeerError } from "../base/error.ts";
import { abortError } from "../base/signal.ts";
import { encodePage } from "../dockets/bundle.ts";
import { timeMsOf } from "../dockets/time.ts";
import type { Docket, Outcome, PastPlace, VerifiedPast } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { damagedIn, damageOf } from "../registers/damage.ts";
import { readUnchecked } from "../registers/dockets-table.ts";
import { registerOf } from "../registers/heads.ts";
import { type RegisterRow, readRegisterRow } from "../registers/registers-table.ts";
import { replaceDockets } from "../registers/repair.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import type { PastOptions } from "./past.ts";
import { joinDown, pullPast } from "./past.ts";
import { type CheckStored, readStoredDocket, StoredPolicies } from "./stored-policy.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

export interface RepairOptions extends PastOptions {
  registerId: string;
  /** Peers that may be asked for what is lost here, best first. */
  sources: () => Source[];
  checkStored: CheckStored;
  onTrouble: (source: Source, trouble: Trouble) => void;
  onRepaired: (count: number, sourcePeerId: string | null) => void;
}

/**
 * Mends what is on the list of damaged dockets, the oldest first. What is wrong beside true
 * documents is made anew from them; what is wrong in the documents comes from another peer, over
 * the same road as every docket, and must have the hash that the dockets around it demand. Gives
 * how many dockets nobody had.
 */
export async function repairDockets(options: RepairOptions): Promise<number> {
  let lost = 0;
  for (const run of damagedRuns(options.registerId)) {
    const from = await mendUpwards(run, options);
    lost += await mendDownwards({ from, to: run.to }, options);
  }
  return lost;
}

/** From the newest down: what lies behind a part says what the part has to be. */
async function mendDownwards(
  run: { from: number; to: number },
  options: RepairOptions,
): Promise<number> {
  let lost = 0;
  let atOnce = docketsAtOnce;
  for (let to = run.to; to >= run.from; ) {
    if (options.signal.aborted) throw abortError(options.signal);
    const from = Math.max(run.from, to - atOnce + 1);
    const mended = await mend({ from, to }, options);
    // Of several some may be mended where not all are.
    if (mended === null && to > from) {
      atOnce = 1;
      continue;
    }
    if (mended === null) lost += 1;
    else options.onRepaired(to - from + 1, mended.sourcePeerId);
    to = from - 1;
  }
  return lost;
}

/**
 * What is too long to be judged at once may hold a change of the policy, under which its newest
 * dockets were sealed: it comes from the oldest up, each part by the docket before it and by its
 * seals, as in a catch-up. Gives the first docket that is left: the last part has to fit on both
 * sides.
 */
async function mendUpwards(
  run: { from: number; to: number },
  options: RepairOptions,
): Promise<number> {
  const { registerId, signal } = options;
  let { from } = run;
  while (run.to - from >= docketsAtOnce && from > (registerOf(registerId)?.firstNumber ?? 0)) {
    if (signal.aborted) throw abortError(signal);
    const part = { from, to: from + docketsAtOnce - 1 };
    const before = await readTrueDocket(registerId, from - 1);
    if (before === null) return from;
    const policies = new StoredPolicies({ registerId, check: options.checkStored });
    const policy = await policies.at(from);
    const place = { registerId, nextNumber: part.to + 1, previousHash: "", timeMs: null, policy };
    const given = { run: part, place: { ...place, hashBefore: before.docketHash }, options };
    const source = await askSources(options, (one) => fromPeer(one, { ...given, isOpen: true }));
    if (source === null) return from;
    options.onRepaired(docketsAtOnce, source.peerId);
    from += docketsAtOnce;
  }
  return from;
}

/** The first source that gave what was taken in; null: none did. */
async function askSources(
  options: RepairOptions,
  ask: (source: Source) => Promise<VerifiedPast[] | null>,
): Promise<Source | null> {
  for (const source of options.sources().filter(({ speaksReplication }) => speaksReplication)) {
    const pulled = await ask(source);
    if (pulled === null) continue;
    for (const past of pulled) await replaceDockets(past);
    return source;
  }
  return null;
}

/** Small enough to be in memory at once, many times over. */
const docketsAtOnce = 100;

/** The numbers on the list, whatever is wrong with them, in runs. */
function damagedRuns(registerId: string): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (const { part, firstNumber, lastNumber } of damageOf(registerId)) {
    if (part === "register") continue;
    const last = runs.at(-1);
    if (last !== undefined && firstNumber <= last.to + 1) last.to = Math.max(last.to, lastNumber);
    else runs.push({ from: firstNumber, to: lastNumber });
  }
  return runs;
}

/** Null: neither this node's own documents nor a peer's are the true ones. */
async function mend(
  run: { from: number; to: number },
  options: RepairOptions,
): Promise<{ sourcePeerId: string | null } | null> {
  const place = await placeOf(run, options);
  if (place === null) return null;
  const own = await fromOwn(run, { place, options });
  if (own.ok) {
    for (const past of own.value) await replaceDockets(past);
    return { sourcePeerId: null };
  }
  const source = await askSources(options, (one) => fromPeer(one, { run, place, options }));
  return source === null ? null : { sourcePeerId: source.peerId };
}

/** The documents may be true, and only what is derived from them wrong. */
async function fromOwn(
  run: { from: number; to: number },
  given: { place: PastPlace; options: RepairOptions },
): Promise<Outcome<VerifiedPast[]>> {
  const { place, options } = given;
  const { registerId } = options;
  const range = { registerId, next: run.from, last: run.to, bytesMax: limits.messageBytes };
  const rows = await readUnchecked(sql(), range);
  if (rows.length !== run.to - run.from + 1) return nothingHere();
  const bundles = rows.map((row) => row.bundle);
  const bytes = encodePage({ bundles, headNumber: 0, firstVersion: 0 });
  const page = { registerId, bytes, nextNumber: run.from, isPolicyChain: false };
  const checked = await options.checkStored(page, place.policy);
  return checked.ok ? joinDown([checked.value], place) : checked;
}

async function fromPeer(
  source: Source,
  given: { run: { from: number }; place: PastPlace; options: RepairOptions; isOpen?: boolean },
): Promise<VerifiedPast[] | null> {
  const { run, place, options, isOpen = false } = given;
  try {
    const pulled = await pullPast(source, { from: run.from, place, isOpen }, options);
    if (pulled.ok) return pulled.value;
    options.onTrouble(source, { kind: "false", refusal: pulled.refusal });
  } catch (error) {
    if (options.signal.aborted) throw error;
    options.onTrouble(source, troubleOf(error));
  }
  return null;
}

/** What the dockets around the run demand of it; null where they can't say. */
async function placeOf(
  run: { from: number; to: number },
  options: RepairOptions,
): Promise<PastPlace | null> {
  const { registerId } = options;
  const row = await readRegisterRow(sql(), registerId);
  if (row === null) {
    throw new PeerError("not-found", "unknown-register", {
      message: `This node holds nothing of register ${registerId}`,
    });
  }
  const behind = await behindOf(run.to, row);
  if (behind === null) return null;
  const isFirst = run.from === 0 || run.from <= row.firstNumber;
  const before = isFirst ? null : await readTrueDocket(registerId, run.from - 1);
  const policies = new StoredPolicies({ registerId, check: options.checkStored });
  return {
    registerId,
    nextNumber: run.to + 1,
    ...behind,
    hashBefore: before?.docketHash ?? null,
    policy: await policies.at(run.from),
  };
}

/** By the docket behind, by the register's row for the head, by the columns in a policy chain. */
async function behindOf(
  number: number,
  row: RegisterRow,
): Promise<{ previousHash: string; timeMs: number | null } | null> {
  const { registerId } = row;
  if (number === row.headNumber) return { previousHash: row.headHash, timeMs: row.headTimeMs };
  const next = await readTrueDocket(registerId, number + 1);
  if (next !== null) return { previousHash: next.previousHash, timeMs: timeMsOf(next.createdAt) };
  if (number === 0) return { previousHash: row.genesisHash, timeMs: null };
  const range = { registerId, next: number, last: number, bytesMax: 1 };
  const [stored] = number < row.firstNumber ? await readUnchecked(sql(), range) : [];
  return stored === undefined ? null : { previousHash: stored.hash, timeMs: null };
}

/** A damaged docket demands nothing of its neighbours. */
async function readTrueDocket(registerId: string, number: number): Promise<Docket | null> {
  if (damagedIn(registerId, { from: number, to: number }) !== null) return null;
  return readStoredDocket(registerId, number);
}

function nothingHere(): Outcome<never> {
  const message = "Not all of these dockets are here";
  return { ok: false, refusal: { code: "count", message, docketNumber: null } };
}
