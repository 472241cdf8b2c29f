import { headerLength } from "../dockets/bundle.ts";
import type { DocketFacts } from "../dockets/types.ts";
import type { Damage } from "../registers/damage-table.ts";
import type { UncheckedDocket } from "../registers/dockets-table.ts";
import type { RegisterRow } from "../registers/registers-table.ts";

/**
 * Which columns of a stored docket are not what its documents, found true, say. `firstVersion`:
 * what it has to be; null where that is not known. Pure.
 */
export function wrongColumns(
  row: UncheckedDocket,
  docket: DocketFacts,
  firstVersion: number | null,
): string[] {
  const pairs: [name: string, held: unknown, expected: unknown][] = [
    ["hash", row.hash, docket.hash],
    ["previous_hash", row.previousHash, docket.previousHash],
    ["time_ms", row.timeMs, docket.timeMs],
    ["transaction_count", row.transactionCount, docket.transactionCount],
    ["is_control", row.isControl, docket.isControl],
    ["is_sealed", row.isSealed, docket.isSealed],
    ["bundle_bytes", row.bundleBytes, row.bundle.length],
    ["header_bytes", row.headerBytes, headerLength(row.bundle)],
    ["first_version", row.firstVersion, firstVersion ?? row.firstVersion],
  ];
  return differing(pairs);
}

/** Which columns of a register's row are not what its dockets say. Pure. */
export function wrongRow(held: RegisterRow, expected: RegisterRow): string[] {
  return differing([
    ["name", held.name, expected.name],
    ["description", held.description, expected.description],
    ["is_public", held.isPublic, expected.isPublic],
    ["policy", JSON.stringify(held.policy), JSON.stringify(expected.policy)],
    ["genesis_hash", held.genesisHash, expected.genesisHash],
    ["head_number", held.headNumber, expected.headNumber],
    ["head_hash", held.headHash, expected.headHash],
    ["head_time_ms", held.headTimeMs, expected.headTimeMs],
    ["latest_version", held.latestVersion, expected.latestVersion],
    ["transaction_count", held.transactionCount, expected.transactionCount],
    ["bytes", held.bytes, expected.bytes],
    ["verification", held.verification, expected.verification],
  ]);
}

/** Puts damage of one kind that lies side by side into one run. Pure. */
export function mergeDamage(found: readonly Damage[]): Damage[] {
  const merged: Damage[] = [];
  const inOrder = found.toSorted(
    (left, right) => left.part.localeCompare(right.part) || left.firstNumber - right.firstNumber,
  );
  for (const one of inOrder) {
    const last = merged.at(-1);
    const isSame = last?.part === one.part && last.code === one.code;
    if (last !== undefined && isSame && one.firstNumber <= last.lastNumber + 1) {
      last.lastNumber = Math.max(last.lastNumber, one.lastNumber);
    } else if (last?.part !== one.part || one.firstNumber > last.lastNumber) {
      merged.push({ ...one });
    }
  }
  return merged.toSorted((left, right) => left.firstNumber - right.firstNumber);
}

/**
 * Whose fault it is that dockets don't link to the one before them. The head is where it must be,
 * so what links up to it is true: of two neighbours that don't fit it is the lower one that was
 * changed, unless the upper one is known to be wrong itself. Pure; gives the wrong ones.
 */
export function wrongLinks(breaks: readonly number[]): number[] {
  const wrong = new Set<number>();
  for (const number of breaks.toSorted((left, right) => right - left)) {
    if (!wrong.has(number)) wrong.add(number - 1);
  }
  return [...wrong];
}

function differing(pairs: readonly [string, unknown, unknown][]): string[] {
  return pairs.flatMap(([name, held, expected]) => (held === expected ? [] : [name]));
}
