import { createHash } from "node:crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { assert, present } from "../../base/assert.ts";
import { base64urlOf } from "../../base/bytes.ts";
import { findFalseSeal, groupMessage } from "../../dockets/group-seal.ts";
import {
  type Commitments,
  type Point as G2Point,
  type Pause,
  publicShareAt,
} from "./commitments.ts";
import { weightsAtZero } from "./polynomial.ts";

/**
 * Parts of a group's signature on a docket hash: each is made with one share, and any t of them
 * give the signature that the group's secret would have made, the same whichever they are.
 */
export interface Partial {
  /** Of the share, from 1 on. */
  index: number;
  /** A compressed point of G1: 48 bytes. */
  signature: Uint8Array;
}

const { G1, G2, fields } = bls12_381;
type G1Point = InstanceType<typeof G1.Point>;

/** 48 bytes. `docketHash` in hex. */
export function signPartial(share: bigint, docketHash: string): Uint8Array {
  return groupMessage(docketHash).multiply(share).toBytes();
}

/**
 * The indices of those that are not true; none: all are. All are checked together, two pairings for
 * as many as there are; only where that fails one by one, so that the false one is known.
 * `publicShareOf` gives null for an index that nobody has.
 */
export async function checkPartials(
  partials: readonly Partial[],
  {
    docketHash,
    publicShareOf,
    pause,
  }: { docketHash: string; publicShareOf: (i: number) => G2Point | null; pause: Pause },
): Promise<number[]> {
  const read = partials.map((partial) => ({
    index: partial.index,
    signature: pointOf(partial.signature),
    key: publicShareOf(partial.index),
  }));
  const whole = read.filter((one): one is Checked => one.signature !== null && one.key !== null);
  const faulty = read.filter((one) => one.signature === null || one.key === null);
  const message = groupMessage(docketHash);
  await pause();
  if (!areTrue(whole, { message, factors: factorsOf(partials, whole.length) })) {
    for (const one of whole) {
      await pause();
      if (!areTrue([one], { message, factors: [1n] })) faulty.push(one as (typeof read)[number]);
    }
  }
  return faulty.map((one) => one.index);
}

/** Of exactly as many as the threshold, whose indices differ; 48 bytes. Checks nothing. */
export function recoverSignature(partials: readonly Partial[], threshold: number): Uint8Array {
  assert(partials.length >= threshold, "there are as many partials as the threshold asks for");
  const points = partials.map(({ index, signature }) => {
    return { index, point: G1.Point.fromBytes(signature) };
  });
  return recover(points, threshold);
}

function recover(parts: readonly Part[], threshold: number): Uint8Array {
  const used = parts.slice(0, threshold);
  const weights = weightsAtZero(used.map((one) => one.index));
  const sum = used.reduce((total, { point }, at) => {
    const weight = present(weights[at], "a weight a partial");
    return total.add(point.multiplyUnsafe(weight));
  }, G1.Point.ZERO);
  return sum.toBytes();
}

/**
 * The group's signature, checked against its key, and who sent a false part; null while there are
 * too few true ones. The usual case, in which all are true, costs one check for all: of the result.
 */
export async function assembleSignature(
  partials: readonly Partial[],
  group: { docketHash: string; commitments: Commitments; memberCount: number; pause: Pause },
): Promise<{ signature: Uint8Array | null; faulty: number[] }> {
  const { docketHash, commitments, memberCount, pause } = group;
  assert(
    new Set(partials.map((one) => one.index)).size === partials.length,
    "one partial a member",
  );
  const isMember = (index: number) => index >= 1 && index <= memberCount;
  const readable = partials.flatMap(({ index, signature }): Part[] => {
    const point = isMember(index) ? pointOf(signature) : null;
    return point === null ? [] : [{ index, point }];
  });
  const isReadable = (index: number) => readable.some((one) => one.index === index);
  const unread = partials.map((one) => one.index).filter((index) => !isReadable(index));
  await pause();
  const quick = await trueSignature(readable, group);
  if (quick !== null) return { signature: quick, faulty: unread };
  const publicShareOf = (index: number) => {
    return isMember(index) ? publicShareAt(commitments, index) : null;
  };
  const faulty = await checkPartials(partials, { docketHash, publicShareOf, pause });
  const good = readable.filter((one) => !faulty.includes(one.index));
  return { signature: await trueSignature(good, group), faulty };
}

/** Null for fewer than the threshold, and where what they give is not true. */
async function trueSignature(
  parts: readonly Part[],
  group: { docketHash: string; commitments: Commitments; pause: Pause },
): Promise<Uint8Array | null> {
  const { docketHash, commitments, pause } = group;
  if (parts.length < commitments.length) return null;
  const signature = recover(parts, commitments.length);
  await pause();
  const groupPublicKey = base64urlOf(publicShareAt(commitments, 0).toBytes());
  const seal = { docketNumber: 0, docketHash, signature: base64urlOf(signature), groupPublicKey };
  return findFalseSeal([seal]) === null ? signature : null;
}

/** A partial that could be read. */
interface Part {
  index: number;
  point: G1Point;
}

interface Checked {
  index: number;
  signature: G1Point;
  key: G2Point;
}

/** e(Σ rᵢ·σᵢ, g) = e(H(m), Σ rᵢ·keyᵢ) */
function areTrue(
  partials: readonly Checked[],
  { message, factors }: { message: G1Point; factors: readonly bigint[] },
): boolean {
  let signatures: G1Point = G1.Point.ZERO;
  let keys: G2Point = G2.Point.ZERO;
  for (const [at, { signature, key }] of partials.entries()) {
    const factor = present(factors[at], "a factor a partial");
    signatures = signatures.add(signature.multiplyUnsafe(factor));
    keys = keys.add(key.multiplyUnsafe(factor));
  }
  if (partials.length === 0) return true;
  if (signatures.is0() || keys.is0()) return false;
  const pairs = [
    { g1: signatures, g2: G2.Point.BASE.negate() },
    { g1: message, g2: keys },
  ];
  return fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE);
}

/** 128 bits each, of a hash over all: who makes a part can't know them before the last is made. */
function factorsOf(partials: readonly Partial[], count: number): bigint[] {
  const all = createHash("sha256");
  for (const { index, signature } of partials) all.update(`${index}:`).update(signature);
  const digest = all.digest("hex");
  return Array.from({ length: count }, (_, at) => {
    const hash = createHash("sha256").update(`${digest}:${at}`).digest("hex");
    return BigInt(`0x${hash.slice(0, 32)}`) | 1n;
  });
}

/** A point of G1 other than its zero, or null. */
function pointOf(bytes: Uint8Array): G1Point | null {
  try {
    const point = G1.Point.fromBytes(bytes);
    point.assertValidity();
    return point.is0() ? null : point;
  } catch {
    return null;
  }
}
