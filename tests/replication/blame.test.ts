import { describe, expect, test } from "bun:test";
import type { Refusal, RefusalCode } from "../../src/dockets/types.ts";
import { Blame } from "../../src/replication/blame.ts";

function refusal(code: RefusalCode, docketNumber = 7): Refusal {
  return { code, message: "", docketNumber };
}

describe("Blame", () => {
  test.each(["schema", "number", "payload-hash", "merkle", "seal"] as const)(
    "holds %s for the source's lie",
    (code) => {
      const blame = new Blame();
      expect(blame.refused({ peerId: "a", refusal: refusal(code) })).toBe("lie");
      expect(blame.stored(9, "b")).toEqual([]);
    },
  );

  test.each(["count", "time"] as const)("blames nobody for %s, whatever others serve", (code) => {
    const blame = new Blame();
    expect(blame.refused({ peerId: "a", refusal: refusal(code) })).toBe("nobody");
    expect(blame.stored(9, "b")).toEqual([]);
  });

  test.each(["link", "tx-signature", "genesis"] as const)(
    "suspects for %s, and convicts once another source served what could be stored",
    (code) => {
      const blame = new Blame();
      const charge = { peerId: "a", refusal: refusal(code) };
      expect(blame.refused(charge)).toBe("suspect");
      expect(blame.stored(6, "b")).toEqual([]);
      expect(blame.stored(7, "b")).toEqual([charge]);
      expect(blame.stored(8, "b")).toEqual([]);
    },
  );

  test("acquits a source that serves the stored docket itself the next time", () => {
    const blame = new Blame();
    blame.refused({ peerId: "a", refusal: refusal("link") });
    expect(blame.stored(7, "a")).toEqual([]);
    expect(blame.stored(7, "b")).toEqual([]);
  });

  test("counts the sources that serve the same, each once", () => {
    const blame = new Blame();
    for (const peerId of ["a", "b", "a"]) blame.refused({ peerId, refusal: refusal("link") });
    expect(blame.agreeing(refusal("link"))).toBe(2);
    expect(blame.agreeing(refusal("link", 8))).toBe(0);
  });
});
