import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256Hex } from "../../src/dockets/hash.ts";
import { merkleRoot } from "../../src/dockets/merkle.ts";
import { proveInclusion, verifyInclusion } from "../../src/dockets/proof.ts";

describe("proveInclusion", () => {
  test("proves every leaf of every size in its place, and in no other", () => {
    for (let count = 1; count <= 20; count += 1) {
      const leaves = leavesOf(count);
      const root = merkleRoot(leaves);
      for (let index = 0; index < count; index += 1) {
        const claim = {
          leaf: leaves[index] as string,
          index,
          count,
          steps: proveInclusion(leaves, index),
          root,
        };
        expect(verifyInclusion(claim)).toBe(true);
        for (const other of [-1, 0.5, index + 1, count, count + index]) {
          expect(verifyInclusion({ ...claim, index: other })).toBe(false);
        }
        expect(verifyInclusion({ ...claim, leaf: sha256Hex("x") })).toBe(false);
        expect(verifyInclusion({ ...claim, root: sha256Hex("x") })).toBe(false);
        if (count > 1) expect(verifyInclusion({ ...claim, steps: [] })).toBe(false);
      }
    }
  });

  test("does not prove the doubled last leaf in a fourth place", () => {
    const leaves = leavesOf(3);
    const four = [...leaves, leaves[2] as string];
    const claim = { leaf: four[3] as string, index: 3, steps: proveInclusion(four, 3) };
    expect(verifyInclusion({ ...claim, count: 3, root: merkleRoot(leaves) })).toBe(false);
  });

  test("is refused after any change of a step", () => {
    const leaves = leavesOf(11);
    fc.assert(
      fc.property(fc.nat({ max: 10 }), fc.nat({ max: 3 }), fc.boolean(), (index, at, isSide) => {
        const steps = proveInclusion(leaves, index).map((step) => ({ ...step }));
        const step = steps[at % steps.length] as { side: string; hash: string };
        if (isSide) step.side = step.side === "left" ? "right" : "left";
        else step.hash = sha256Hex(step.hash);
        const leaf = leaves[index] as string;
        const root = merkleRoot(leaves);
        expect(verifyInclusion({ leaf, index, count: 11, steps, root })).toBe(false);
      }),
    );
  });
});

function leavesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => sha256Hex(`leaf ${index}`));
}
