import { present } from "../base/assert.ts";
import { bytesOfHex, hexOf } from "../base/bytes.ts";
import type { Sql } from "../store/database.ts";
import { sealingCertificateCodec } from "../wire/sealing-messages.ts";
import type { Facts } from "./round-step.ts";

/** Tables `sealing_rounds` and `sealing_signed`: what a validator said and must stand by. */

interface Place {
  registerId: string;
  number: number;
}

export async function readFacts(sql: Sql, place: Place): Promise<Facts | null> {
  const [row] = await sql<
    {
      promised: number;
      round: number | null;
      hash: Uint8Array | null;
      lock: Uint8Array | null;
      bundle: Uint8Array | null;
    }[]
  >`
    SELECT promised_round AS promised, accepted_round AS round, accepted_hash AS hash, lock,
           lock_bundle AS bundle
      FROM sealing_rounds
     WHERE register_id = ${place.registerId} AND docket_number = ${place.number}`;
  if (row === undefined) return null;
  const { promised, round, hash, lock, bundle } = row;
  return {
    promised,
    accepted: round === null || hash === null ? null : { round, hash: hexOf(hash) },
    lock:
      lock === null || bundle === null
        ? null
        : { certificate: sealingCertificateCodec.decode(lock), bundle },
  };
}

/** Keeps the facts of a number and forgets those of lower ones, which are sealed. */
export async function saveFacts(sql: Sql, place: Place, facts: Facts): Promise<void> {
  const { registerId, number } = place;
  const { promised, accepted, lock } = facts;
  const hash = accepted === null ? null : hashBytes(accepted.hash);
  const certificate = lock === null ? null : sealingCertificateCodec.encode(lock.certificate);
  await sql`
    INSERT INTO sealing_rounds (
      register_id, docket_number, promised_round, accepted_round, accepted_hash, lock, lock_bundle
    ) VALUES (
      ${registerId}, ${number}, ${promised}, ${accepted?.round ?? null}, ${hash}, ${certificate},
      ${lock?.bundle ?? null}
    ) ON CONFLICT (register_id, docket_number) DO UPDATE SET
      promised_round = excluded.promised_round, accepted_round = excluded.accepted_round,
      accepted_hash = excluded.accepted_hash, lock = excluded.lock,
      lock_bundle = excluded.lock_bundle`;
}

/** Of numbers below this one, which are sealed. */
export async function forgetFacts(sql: Sql, below: Place): Promise<void> {
  await sql`
    DELETE FROM sealing_rounds
     WHERE register_id = ${below.registerId} AND docket_number < ${below.number}`;
}

/**
 * Takes the number for this hash, durably, before it is signed. False when another hash has it:
 * then nothing may be signed. A row is never changed and never deleted.
 */
export async function takeNumber(sql: Sql, place: Place, hash: string): Promise<boolean> {
  const { registerId, number } = place;
  await sql`
    INSERT INTO sealing_signed (register_id, docket_number, hash)
    VALUES (${registerId}, ${number}, ${hashBytes(hash)}) ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ hash: Uint8Array }[]>`
    SELECT hash FROM sealing_signed
     WHERE register_id = ${registerId} AND docket_number = ${number}`;
  return row !== undefined && hexOf(row.hash) === hash;
}

function hashBytes(hash: string): Uint8Array {
  return present(bytesOfHex(hash), "a hash's bytes");
}
