import { assert, present } from "../base/assert.ts";
import { bytesOfHex } from "../base/bytes.ts";
import type { CheckedPage, DocketFacts } from "../dockets/types.ts";

/**
 * A page's dockets as the database takes them: one value a column instead of one a cell. Arrays are
 * in PostgreSQL's text form; hashes are packed, 32 bytes each.
 */
export interface DocketColumns {
  registerId: string;
  /** The page as it came, which `offsets` and `lengths` cut into bundles. */
  bytes: Uint8Array;
  hashes: Uint8Array;
  /** All zero for docket 0. */
  previousHashes: Uint8Array;
  numbers: string;
  timesMs: string;
  firstVersions: string;
  transactionCounts: string;
  /** 1: control, 2: sealed. */
  flags: string;
  offsets: string;
  lengths: string;
  headerLengths: string;
}

/** `firstVersions`: for each docket, the version of its first transaction; 0 where unknown. */
export function toDocketColumns(
  page: CheckedPage,
  firstVersions: readonly number[],
): DocketColumns {
  const { dockets } = page;
  return {
    registerId: page.registerId,
    bytes: page.bytes,
    hashes: packHashes(dockets.map((docket) => docket.hash)),
    previousHashes: packHashes(dockets.map((docket) => docket.previousHash)),
    numbers: arrayText(dockets.map((docket) => docket.number)),
    timesMs: arrayText(dockets.map((docket) => docket.timeMs)),
    firstVersions: arrayText(firstVersions),
    transactionCounts: arrayText(dockets.map((docket) => docket.transactionCount)),
    flags: arrayText(
      dockets.map((docket) => Number(docket.isControl) + 2 * Number(docket.isSealed)),
    ),
    offsets: arrayText(dockets.map((docket) => docket.offset)),
    lengths: arrayText(dockets.map((docket) => docket.length)),
    headerLengths: arrayText(dockets.map((docket) => headerLength(page.bytes, docket))),
  };
}

/** The version of each docket's first transaction, the first docket's being `firstVersion`. */
export function versionsFrom(firstVersion: number, dockets: readonly DocketFacts[]): number[] {
  let version = firstVersion;
  return dockets.map((docket) => {
    const first = version;
    version += docket.transactionCount;
    return first;
  });
}

/** A list of integers as PostgreSQL writes an array. */
export function arrayText(values: ArrayLike<number>): string {
  return `{${Array.prototype.join.call(values, ",")}}`;
}

/** Length of the bundle's first field, the docket document: its tag, its length, its bytes. */
function headerLength(bytes: Uint8Array, docket: DocketFacts): number {
  assert(bytes[docket.offset] === docketDataTag, "a bundle begins with its docket");
  let length = 0;
  for (let at = docket.offset + 1, shift = 0; ; at++, shift += 7) {
    const byte = present(bytes[at], "the length of a docket document");
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return at + 1 + length - docket.offset;
  }
}

/** Field 1 of `DocketBundle`, length-delimited. */
const docketDataTag = 0x0a;

function packHashes(hashes: string[]): Uint8Array {
  const packed = new Uint8Array(hashes.length * 32);
  for (const [index, hash] of hashes.entries()) {
    if (hash !== "") packed.set(present(bytesOfHex(hash), "a hash's bytes"), index * 32);
  }
  return packed;
}
