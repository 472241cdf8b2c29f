import { createHash } from "node:crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { present } from "../base/assert.ts";
import { bytesOfBase64url, bytesOfHex, utf8 } from "../base/bytes.ts";

/**
 * Seals of a group: one BLS12-381 signature, however many validators made it. Keys are points of G2
 * (96 bytes), signatures points of G1 (48 bytes), both compressed as the ZCash format has it; what
 * is signed are the 32 bytes of the docket's hash, brought to G1 as RFC 9380 says, under the tag of
 * the basic scheme of draft-irtf-cfrg-bls-signature.
 */
export const groupSealTag = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

type G1 = InstanceType<typeof bls12_381.G1.Point>;
type G2 = InstanceType<typeof bls12_381.G2.Point>;

/** What a docket claims: that the group of this key sealed it. */
export interface GroupSeal {
  docketNumber: number;
  /** Hex. */
  docketHash: string;
  /** Base64url. */
  signature: string;
  groupPublicKey: string;
}

/**
 * The number of the first docket whose seal is not true; null where all are. Seals under one key
 * are checked together: two pairings for all of them, and a few multiplications for each. Only when
 * that fails are they looked at one by one.
 */
export function findFalseSeal(seals: readonly GroupSeal[]): number | null {
  for (const run of runsOfOneKey(seals)) {
    if (areTrue(run)) continue;
    const found = run.find((seal) => !areTrue([seal]));
    if (found !== undefined) return found.docketNumber;
  }
  return null;
}

/** The point of G1 that stands for a docket hash. */
export function groupMessage(docketHash: string): G1 {
  const bytes = present(bytesOfHex(docketHash), "a docket hash in hex");
  return bls12_381.G1.hashToCurve(bytes, { DST: groupSealTag }) as G1;
}

/** A group's key, or null for bytes that are no point of G2 or the point of nobody's secret. */
export function groupKeyOf(text: string): G2 | null {
  const known = keys.get(text);
  if (known !== undefined) return known;
  const bytes = bytesOfBase64url(text);
  const key = bytes === null ? null : pointOf(() => bls12_381.G2.Point.fromBytes(bytes));
  // Few groups are met, and reading their keys is dear; the bound is against a stranger's many.
  if (keys.size >= keysMax) keys.clear();
  keys.set(text, key);
  return key;
}

const keys = new Map<string, G2 | null>();
const keysMax = 64;

/**
 * e(Σ rᵢ·sᵢ, g) = e(Σ rᵢ·H(mᵢ), key). The factors come from a hash over all seals: who makes a
 * seal can't know them before it has made the last one, so false seals can't cancel each other.
 */
function areTrue(seals: readonly GroupSeal[]): boolean {
  const key = groupKeyOf(seals[0]?.groupPublicKey ?? "");
  if (key === null) return false;
  let signatures = bls12_381.G1.Point.ZERO;
  let messages = bls12_381.G1.Point.ZERO;
  for (const [index, factor] of factorsOf(seals).entries()) {
    const seal = seals[index];
    const bytes = bytesOfBase64url(seal?.signature ?? "");
    if (seal === undefined || bytes === null) return false;
    const signature = pointOf(() => bls12_381.G1.Point.fromBytes(bytes));
    if (signature === null) return false;
    signatures = signatures.add(signature.multiplyUnsafe(factor));
    messages = messages.add(groupMessage(seal.docketHash).multiplyUnsafe(factor));
  }
  const pairs = [
    { g1: signatures, g2: bls12_381.G2.Point.BASE.negate() },
    { g1: messages, g2: key },
  ];
  const { Fp12 } = bls12_381.fields;
  return Fp12.eql(bls12_381.pairingBatch(pairs), Fp12.ONE);
}

/** One alone needs no factor; with more, each gets 128 bits. */
function factorsOf(seals: readonly GroupSeal[]): bigint[] {
  if (seals.length === 1) return [1n];
  const all = createHash("sha256");
  for (const { docketHash, signature } of seals) all.update(`${docketHash}:${signature};`);
  const digest = all.digest("hex");
  return seals.map((_, index) => {
    const hash = createHash("sha256")
      .update(utf8(`${digest}:${index}`))
      .digest("hex");
    return BigInt(`0x${hash.slice(0, 32)}`) | 1n;
  });
}

/** The point, if it is one of the right group and not its zero. */
function pointOf<Point extends { assertValidity(): void; is0(): boolean }>(
  read: () => Point,
): Point | null {
  try {
    const point = read();
    point.assertValidity();
    return point.is0() ? null : point;
  } catch {
    return null;
  }
}

function runsOfOneKey(seals: readonly GroupSeal[]): GroupSeal[][] {
  const runs: GroupSeal[][] = [];
  for (const seal of seals) {
    const run = runs.at(-1);
    if (run?.[0]?.groupPublicKey === seal.groupPublicKey) run.push(seal);
    else runs.push([seal]);
  }
  return runs;
}
