/**
 * Proof that a register's validators contradict themselves: found here, or reported by peers. Owns
 * the steps that follow from it: it is verified, stored, the subscription is stopped, and peers
 * that
 * hold the register are told. Nothing stored is ever changed by it.
 */
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { encodePage, readBundle } from "../dockets/bundle.ts";
import { type Equivocation, encodeEvidence, verifyEvidence } from "../dockets/evidence.ts";
import { readBundles, readDocket } from "../registers/dockets-table.ts";
import { appendEvent } from "../registers/events-table.ts";
import { addEvidence, type Evidence, listEvidence } from "../registers/evidence-table.ts";
import { registerOf } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";

export interface EvidenceOptions {
  clock: Pick<Clock, "nowMs">;
  /** Passes it on to a peer that holds the register. */
  report: (peerId: string, evidence: Uint8Array) => Promise<void>;
  /** Peers that hold the register. */
  holders: (registerId: string) => string[];
  /** Nothing more of this register is taken in. */
  stop: (registerId: string, why: { code: string; message: string }) => void;
}

/** The code of a subscription that was stopped for good. */
export const equivocationCode = "equivocation";

let shared: EvidenceOptions | null = null;
const log = logFor("replication");

export function open(options: EvidenceOptions): void {
  assert(shared === null, "evidence is opened once");
  shared = options;
}

export function close(): void {
  shared = null;
}

/** A peer shows a sealed docket that is not the one stored here. True when that is proven. */
export async function noteContradiction(found: {
  registerId: string;
  docketNumber: number;
  docketData: Uint8Array;
  peerId: string;
}): Promise<boolean> {
  const { registerId, docketNumber, docketData, peerId } = found;
  const stored = await readDocket(sql(), { registerId, number: docketNumber });
  const own = stored === null ? null : readBundle(stored.bundle);
  if (own === null) return false;
  const bytes = await assemble(registerId, docketNumber, [own.docketData, docketData]);
  const taken = await takeEvidence(bytes, peerId);
  return taken.accepted;
}

/** Verifies what a peer reports before it is believed; what is true and new is told on. */
export async function takeEvidence(
  bytes: Uint8Array,
  peerId: string | null,
): Promise<{ accepted: boolean; message: string }> {
  const { clock } = opened();
  const verified = verifyEvidence(bytes, { nowMs: clock.nowMs() });
  if (!verified.ok) return { accepted: false, message: verified.refusal.message };
  const { registerId, genesisHash, docketNumber } = verified.value;
  const register = registerOf(registerId);
  if (register === null) return { accepted: false, message: "This register is not held here" };
  if (register.genesisHash !== genesisHash) {
    return { accepted: false, message: "The evidence is about another register of this name" };
  }
  const known = await listEvidence(sql(), { registerId, countMax: limits.evidencePerRegister });
  if (known.some((one) => one.docketNumber === docketNumber)) {
    return { accepted: true, message: "Known" };
  }
  if (known.length >= limits.evidencePerRegister) return { accepted: true, message: "Enough" };
  await store(verified.value, peerId);
  const message = `The validators of register ${registerId} sealed two dockets ${docketNumber}`;
  opened().stop(registerId, { code: equivocationCode, message });
  void tellOn(registerId, bytes, peerId);
  return { accepted: true, message: "" };
}

/** Whether the register was found out already: it is not taken up again at start. */
export async function isContradicted(registerId: string): Promise<boolean> {
  return (await listEvidence(sql(), { registerId, countMax: 1 })).length > 0;
}

/** What is known against a register's validators: each number once. */
export async function listContradictions(
  registerId: string,
): Promise<
  { docketNumber: number; hashes: string[]; sourcePeerId: string | null; foundAtMs: number }[]
> {
  const rows = await listEvidence(sql(), { registerId, countMax: limits.evidencePerRegister });
  const numbers = [...new Set(rows.map((row) => row.docketNumber))];
  return numbers.map((docketNumber) => {
    const both = rows.filter((row) => row.docketNumber === docketNumber);
    const { sourcePeerId, foundAtMs } = both.at(-1) as Evidence;
    return { docketNumber, hashes: both.map((row) => row.hash), sourcePeerId, foundAtMs };
  });
}

/** The portable form of what is stored. */
export async function exportEvidence(
  registerId: string,
  docketNumber: number,
): Promise<Uint8Array> {
  const rows = await listEvidence(sql(), { registerId, countMax: limits.evidencePerRegister });
  const [left, right] = rows.filter((row) => row.docketNumber === docketNumber);
  if (left === undefined || right === undefined) {
    throw new PeerError("not-found", "no-evidence", {
      message: `There is no evidence about docket ${docketNumber} of register ${registerId}`,
    });
  }
  return assemble(registerId, docketNumber, [left.docketData, right.docketData]);
}

async function assemble(
  registerId: string,
  docketNumber: number,
  documents: [Uint8Array, Uint8Array],
): Promise<Uint8Array> {
  const control = await readBundles(sql(), {
    registerId,
    next: 0,
    countMax: limits.frameDockets,
    bytesMax: limits.frameBytes,
    controlOnly: true,
  });
  const bundles = control.filter((one) => one.number < docketNumber).map((one) => one.bundle);
  const policyPage = encodePage({ bundles, headNumber: 0, firstVersion: 0 });
  return encodeEvidence({ registerId, docketNumber, documents, policyPage });
}

async function store(proof: Equivocation, sourcePeerId: string | null): Promise<void> {
  const { registerId, docketNumber, documents, hashes } = proof;
  const foundAtMs = opened().clock.nowMs();
  for (const docketData of documents) {
    const { docketHash: hash } = JSON.parse(new TextDecoder().decode(docketData));
    const facts = { registerId, docketNumber, hash, docketData, sourcePeerId, foundAtMs };
    await addEvidence(sql(), facts);
  }
  const message = `Two sealed dockets ${docketNumber} were found: ${hashes.join(" and ")}`;
  log.error({ registerId, docket: docketNumber, hashes, peerId: sourcePeerId }, message);
  await appendEvent(sql(), {
    atMs: foundAtMs,
    type: "register.equivocation",
    registerId,
    peerId: sourcePeerId,
    message,
    facts: { code: equivocationCode, docketNumber, hashes },
  });
}

async function tellOn(
  registerId: string,
  bytes: Uint8Array,
  heardFrom: string | null,
): Promise<void> {
  const { holders, report } = opened();
  const others = holders(registerId).filter((peerId) => peerId !== heardFrom);
  const told = others.slice(0, limits.exchangePeers).map((peerId) =>
    report(peerId, bytes).catch((error) => {
      log.debug({ registerId, peerId, err: messageOf(error) }, "Evidence not passed on");
    }),
  );
  await Promise.all(told);
}

function opened(): EvidenceOptions {
  assert(shared !== null, "evidence is open");
  return shared;
}
