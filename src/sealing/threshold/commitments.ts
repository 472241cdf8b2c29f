import { bls12_381 } from "@noble/curves/bls12-381.js";
import { present } from "../../base/assert.ts";
import type { Polynomial } from "./polynomial.ts";

/** Lets others have their turn: what is dear is done in pieces of at most some 25 ms. */
export type Pause = () => Promise<void>;

/**
 * Feldman's commitments: a polynomial's coefficients as points of G2. They say nothing of a secret
 * that isn't in its public key anyway, and let everybody check a share, and know each share's
 * public key, without it.
 */
export type Point = InstanceType<typeof bls12_381.G2.Point>;

/** The constant's first: the public key of what is shared. */
export type Commitments = readonly Point[];

const { Point: G2 } = bls12_381.G2;

export function commitTo(polynomial: Polynomial): Commitments {
  return polynomial.map((coefficient) => G2.BASE.multiply(coefficient));
}

/** The public key of the share at `index`; index 0 gives the group's key. */
export function publicShareAt(commitments: Commitments, index: number): Point {
  const x = BigInt(index);
  if (x === 0n) return present(commitments[0], "a commitment to the constant");
  return commitments.reduceRight((sum, point) => sum.multiplyUnsafe(x).add(point), G2.ZERO);
}

export function isShareTrue(
  commitments: Commitments,
  { index, share }: { index: number; share: bigint },
): boolean {
  return share !== 0n && G2.BASE.multiply(share).equals(publicShareAt(commitments, index));
}

/** What is committed to by Σ weightᵢ · polynomialᵢ; without weights, by the plain sum. */
export async function sumCommitments(
  all: readonly Commitments[],
  { weights, pause }: { weights: readonly bigint[] | null; pause: Pause },
): Promise<Commitments> {
  const sums: Point[] = [];
  for (let degree = 0; degree < (all[0]?.length ?? 0); degree += 1) {
    let sum: Point = G2.ZERO;
    for (const [at, one] of all.entries()) {
      const point = present(one[degree], "commitments of one length");
      if (weights === null) sum = sum.add(point);
      else sum = sum.add(point.multiplyUnsafe(present(weights[at], "a weight a dealer")));
      if (weights !== null && at % pieces === pieces - 1) await pause();
    }
    sums.push(sum);
  }
  return sums;
}

/** So many multiplications of points are done without a pause: some 10 ms. */
export const pieces = 4;

export function commitmentBytes(commitments: Commitments): Uint8Array[] {
  return commitments.map((point) => point.toBytes());
}

/**
 * Null where one is no point of G2, or there are not `count` of them. A constant that is zero, the
 * key of nobody's secret, is refused; another coefficient may be zero.
 */
export function commitmentsOf(bytes: readonly Uint8Array[], count: number): Commitments | null {
  if (bytes.length !== count) return null;
  const points = bytes.map(pointOf);
  if (points.some((point) => point === null) || points[0]?.is0() !== false) return null;
  return points as Point[];
}

function pointOf(bytes: Uint8Array): Point | null {
  try {
    const point = G2.fromBytes(bytes);
    if (!point.is0()) point.assertValidity();
    return point;
  } catch {
    return null;
  }
}
