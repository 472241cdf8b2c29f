import { beforeAll, describe, expect, test } from "bun:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import fc from "fast-check";
import mcl from "mcl-wasm";
import { groupMessage } from "../../../src/dockets/group-seal.ts";
import {
  commitmentBytes,
  commitmentsOf,
  commitTo,
  isShareTrue,
  publicShareAt,
} from "../../../src/sealing/threshold/commitments.ts";
import {
  assembleSignature,
  checkPartials,
  type Partial,
  recoverSignature,
  signPartial,
} from "../../../src/sealing/threshold/partials.ts";
import {
  randomPolynomial,
  scalarBytes,
  scalarOf,
  shareAt,
  weightedSum,
  weightsAtZero,
} from "../../../src/sealing/threshold/polynomial.ts";
import { seededBytes } from "../../sim/key-net.ts";

const { shortSignatures, fields } = bls12_381;
const hash = "5c".repeat(32);
const pause = async () => {};

function groupOf(seed: number, { threshold, count }: { threshold: number; count: number }) {
  const polynomial = randomPolynomial(threshold, { random: seededBytes(`group ${seed}`) });
  const commitments = commitTo(polynomial);
  const partials = Array.from({ length: count }, (_, at): Partial => {
    return { index: at + 1, signature: signPartial(shareAt(polynomial, at + 1), hash) };
  });
  const publicShareOf = (index: number) =>
    index >= 1 && index <= count ? publicShareAt(commitments, index) : null;
  const group = { docketHash: hash, commitments, memberCount: count, pause };
  return { polynomial, commitments, partials, publicShareOf, group };
}

describe("sharing", () => {
  test("any t of n shares give the secret back, and fewer give something else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), fc.nat(9), (t, seed, extra) => {
        const random = seededBytes(`secret ${seed}`);
        const polynomial = randomPolynomial(t, { random });
        const all = Array.from({ length: t + extra }, (_, at) => at + 1);
        const chosen = all.toSorted((a, b) => ((a * seed) % 11) - ((b * seed) % 11));
        const restore = (indices: number[]) =>
          weightedSum(
            indices.map((index) => shareAt(polynomial, index)),
            weightsAtZero(indices),
          );
        expect(restore(chosen.slice(0, t))).toBe(polynomial[0] as bigint);
        if (t > 1) expect(restore(chosen.slice(0, t - 1))).not.toBe(polynomial[0] as bigint);
      }),
      { numRuns: 200 },
    );
  });

  test("a share is checked by commitments alone, at its own index only", () => {
    const { polynomial, commitments } = groupOf(1, { threshold: 3, count: 4 });
    const share = shareAt(polynomial, 2);
    expect(isShareTrue(commitments, { index: 2, share })).toBe(true);
    expect(isShareTrue(commitments, { index: 3, share })).toBe(false);
    expect(isShareTrue(commitments, { index: 2, share: share + 1n })).toBe(false);
    const bytes = commitmentBytes(commitments);
    expect(commitmentsOf(bytes, 3)?.every((one, at) => one.equals(commitments[at]!))).toBe(true);
    expect(commitmentsOf(bytes, 4)).toBeNull();
    expect(commitmentsOf([bls12_381.G2.Point.ZERO.toBytes(), ...bytes.slice(1)], 3)).toBeNull();
    expect(commitmentsOf([new Uint8Array(96).fill(0x81), ...bytes.slice(1)], 3)).toBeNull();
  });

  test("scalars have one spelling", () => {
    const top = fields.Fr.ORDER - 1n;
    expect(scalarOf(scalarBytes(top))).toBe(top);
    const over = Buffer.from(fields.Fr.ORDER.toString(16).padStart(64, "0"), "hex");
    expect(scalarOf(over)).toBeNull();
    expect(scalarOf(new Uint8Array(31))).toBeNull();
  });
});

describe("a group's signature", () => {
  test("is the same whichever t sign, and true in noble's own words", () => {
    const { polynomial, commitments, partials } = groupOf(2, { threshold: 3, count: 5 });
    const whole = shortSignatures
      .sign(groupMessage(hash), scalarBytes(polynomial[0] as bigint))
      .toBytes();
    const sets = [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4],
      [3, 0, 4],
    ];
    for (const set of sets) {
      const some = set.map((at) => partials[at] as Partial);
      expect(Buffer.from(recoverSignature(some, 3)).equals(Buffer.from(whole))).toBe(true);
    }
    const key = publicShareAt(commitments, 0);
    expect(shortSignatures.verify(whole, groupMessage(hash), key.toBytes())).toBe(true);
    const tooFew = recoverSignature(partials.slice(0, 2), 2);
    expect(shortSignatures.verify(tooFew, groupMessage(hash), key.toBytes())).toBe(false);
  });

  test("comes of any t of n in one check, and of fewer not at all", async () => {
    const { partials, group } = groupOf(3, { threshold: 4, count: 7 });
    const { signature, faulty } = await assembleSignature(partials.slice(3), group);
    expect([signature?.length, faulty]).toEqual([48, []]);
    expect(await assembleSignature(partials.slice(4), group)).toEqual({
      signature: null,
      faulty: [],
    });
  });

  test("names each who sent a false part, and does without them", async () => {
    const { partials, group } = groupOf(4, { threshold: 3, count: 6 });
    const other = groupOf(5, { threshold: 3, count: 6 }).partials;
    const mixed = partials.map((one) => (one.index === 2 ? (other[1] as Partial) : one));
    mixed[4] = { index: 5, signature: new Uint8Array(48) };
    mixed[5] = { index: 7, signature: (partials[5] as Partial).signature };
    const found = await assembleSignature(mixed, group);
    expect([found.signature?.length, found.faulty.toSorted()]).toEqual([48, [2, 5, 7]]);
    const few = await assembleSignature(mixed.slice(1, 4), group);
    expect([few.signature, few.faulty]).toEqual([null, [2]]);
  });

  test("false parts that cancel each other out in a plain sum are named both", async () => {
    const { partials, publicShareOf } = groupOf(6, { threshold: 3, count: 5 });
    const { Point } = bls12_381.G1;
    const bend = (at: number, by: typeof Point.BASE) => {
      const { index, signature } = partials[at] as Partial;
      return { index, signature: Point.fromBytes(signature).add(by).toBytes() };
    };
    const bent = [bend(0, Point.BASE), bend(1, Point.BASE.negate()), partials[2] as Partial];
    expect(await checkPartials(bent, { docketHash: hash, publicShareOf, pause })).toEqual([1, 2]);
    expect(await checkPartials(partials, { docketHash: hash, publicShareOf, pause })).toEqual([]);
    const moved = [{ ...(partials[0] as Partial), index: 2 }];
    expect(await checkPartials(moved, { docketHash: hash, publicShareOf, pause })).toEqual([2]);
  });
});

describe("in mcl, which shares no code with ours", () => {
  beforeAll(() => mcl.init(mcl.BLS12_381));

  test("the pairing equation holds for the signature and for each part", () => {
    mcl.setETHserialization(true);
    const { partials, commitments } = groupOf(7, { threshold: 3, count: 4 });
    const message = g1Of(groupMessage(hash).toBytes());
    const base = g2Of(bls12_381.G2.Point.BASE.toBytes());
    const holds = (signature: Uint8Array, key: Uint8Array) =>
      mcl.pairing(g1Of(signature), base).isEqual(mcl.pairing(message, g2Of(key)));
    const signature = recoverSignature(partials.slice(1), 3);
    expect(holds(signature, publicShareAt(commitments, 0).toBytes())).toBe(true);
    for (const { index, signature: part } of partials) {
      expect(holds(part, publicShareAt(commitments, index).toBytes())).toBe(true);
      expect(holds(part, publicShareAt(commitments, index + 1).toBytes())).toBe(false);
    }
  });

  test("mcl's own interpolation gives our signature", () => {
    const { partials } = groupOf(8, { threshold: 3, count: 5 });
    const some = [4, 0, 2].map((at) => partials[at] as Partial);
    const ours = recoverSignature(some, 3);
    const indices = some.map(({ index }) => frOf(index));
    let sum = mcl.mul(g1Of(ours), frOf(0));
    for (const [at, { signature }] of some.entries()) {
      let weight = frOf(1);
      for (const [other, x] of indices.entries()) {
        if (other === at) continue;
        weight = mcl.mul(weight, mcl.div(x, mcl.sub(x, indices[at] as ReturnType<typeof frOf>)));
      }
      sum = mcl.add(sum, mcl.mul(g1Of(signature), weight));
    }
    expect(Buffer.from(sum.serialize()).equals(Buffer.from(ours))).toBe(true);
  });
});

function g1Of(bytes: Uint8Array) {
  const point = new mcl.G1();
  point.deserialize(bytes);
  return point;
}

function g2Of(bytes: Uint8Array) {
  const point = new mcl.G2();
  point.deserialize(bytes);
  return point;
}

function frOf(value: number) {
  const scalar = new mcl.Fr();
  scalar.setInt(value);
  return scalar;
}
