import { bls12_381 } from "@noble/curves/bls12-381.js";
import { assert, present } from "../../base/assert.ts";
import { hexOf } from "../../base/bytes.ts";

/**
 * Shamir's sharing over the scalars of BLS12-381. A secret is what a polynomial of degree t − 1 is
 * at 0; the share of index i is what it is at i, so any t shares give it back and fewer say
 * nothing. The arithmetic is that of big integers and takes no constant time: who can measure this
 * process to the microsecond may learn of its shares.
 */
const { Fr } = bls12_381.fields;

/** Bytes from the machine's random source, or a simulation's. */
export type RandomBytes = (count: number) => Uint8Array;

/** Secret coefficients, the constant first. */
export type Polynomial = readonly bigint[];

/** Of 48 bytes, so that no scalar is likelier than another by more than 2^-128; never 0. */
export function randomScalar(random: RandomBytes): bigint {
  for (;;) {
    const scalar = Fr.create(BigInt(`0x${hexOf(random(48))}`));
    if (scalar !== 0n) return scalar;
  }
}

export function randomPolynomial(
  threshold: number,
  options: { constant?: bigint; random: RandomBytes },
): Polynomial {
  const rest = Array.from({ length: threshold - 1 }, () => randomScalar(options.random));
  return [options.constant ?? randomScalar(options.random), ...rest];
}

export function shareAt(polynomial: Polynomial, index: number): bigint {
  assert(index > 0, "at index 0 lies the secret itself");
  const x = BigInt(index);
  return polynomial.reduceRight((sum, coefficient) => Fr.add(Fr.mul(sum, x), coefficient), 0n);
}

/** What each of these indices' shares counts for in the value at 0. They differ and aren't 0. */
export function weightsAtZero(indices: readonly number[]): bigint[] {
  assert(new Set(indices).size === indices.length, "no index comes twice");
  return indices.map((own) => {
    let above = 1n;
    let below = 1n;
    for (const other of indices) {
      if (other === own) continue;
      above = Fr.mul(above, BigInt(other));
      below = Fr.mul(below, Fr.create(BigInt(other - own)));
    }
    return Fr.div(above, below);
  });
}

/** Σ weightᵢ · shareᵢ */
export function weightedSum(shares: readonly bigint[], weights: readonly bigint[]): bigint {
  return shares.reduce((sum, share, at) => {
    return Fr.add(sum, Fr.mul(share, present(weights[at], "a weight a share")));
  }, 0n);
}

/** 32 bytes, big-endian. */
export function scalarBytes(scalar: bigint): Uint8Array {
  return Fr.toBytes(scalar);
}

/** Null for what is no scalar in its one spelling. */
export function scalarOf(bytes: Uint8Array): bigint | null {
  if (bytes.length !== 32) return null;
  const value = BigInt(`0x${hexOf(bytes)}`);
  return value < Fr.ORDER ? value : null;
}
