import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readBundle, scanPage } from "../../src/dockets/bundle.ts";
import type { RefusalCode } from "../../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../../src/dockets/verify.ts";
import { Ledger, type Made, pageOf, policyOf } from "./ledger.ts";

const codes: RefusalCode[] = [
  "size",
  "json",
  "schema",
  "register",
  "number",
  "link",
  "duplicate",
  "count",
  "payload-hash",
  "merkle",
  "docket-hash",
  "time",
  "seal",
  "tx-signature",
  "genesis",
];

/**
 * A page is changed by chance; whatever comes of it must be refused with a code, or be another
 * spelling of the very same dockets (white space, an escape, the case of a hex escape).
 */
describe("a tampered page", () => {
  const ledger = new Ledger("r", policyOf({ count: 3, threshold: 2 }), [2]);
  ledger.add().add({ count: 3 }).add({ count: 1 });
  const page = ledger.page();

  test("with one bit turned is refused, or says the same", () => {
    // The genesis docket and one more: each bit costs a verification.
    const short = ledger.page(0, 2);
    for (let at = 0; at < short.length; at += 1) {
      const bytes = short.slice();
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      expectRefusedOrSame(bytes, { what: `bit ${at % 8} of byte ${at}`, page: short });
    }
  }, 60_000);

  test("with some bytes put in, taken out or replaced is refused, or says the same", () => {
    const place = fc.nat({ max: page.length });
    fc.assert(
      fc.property(place, fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 40 }), (at, gone, put) => {
        const bytes = new Uint8Array([...page.slice(0, at), ...put, ...page.slice(at + gone)]);
        expectRefusedOrSame(bytes, { what: `${gone} bytes at ${at}`, page });
      }),
      { numRuns: 500 },
    );
  });

  test("with two bodies swapped, within a docket or between two, is refused by count", () => {
    const docket = fc.nat({ max: ledger.made.length - 1 });
    fc.assert(
      fc.property(docket, docket, fc.nat(), fc.nat(), (from, to, first, second) => {
        const bodies = ledger.made.map((made) => [...made.transactionData]);
        const source = bodies[from] as Uint8Array[];
        const target = bodies[to] as Uint8Array[];
        const a = first % source.length;
        const b = second % target.length;
        [source[a], target[b]] = [target[b] as Uint8Array, source[a] as Uint8Array];
        const made = ledger.made.map(({ docketData }, index) => ({
          docketData,
          transactionData: bodies[index] as Uint8Array[],
        }));
        expect(codeOf(pageOf(made))).toBe(from === to && a === b ? null : "count");
      }),
    );
  });

  test("with a docket dropped, doubled or swapped with another is refused by number", () => {
    const last = ledger.made.length - 1;
    for (let from = 0; from <= last; from += 1) {
      const one = ledger.made[from] as Made;
      if (from < last) expect(codeOf(pageOf(ledger.made.toSpliced(from, 1)))).toBe("number");
      expect(codeOf(pageOf(ledger.made.toSpliced(from, 0, one)))).toBe("number");
      for (let to = 0; to < from; to += 1) {
        const swapped = ledger.made.with(from, ledger.made[to] as Made).with(to, one);
        expect(codeOf(pageOf(swapped))).toBe("number");
      }
    }
  });

  test("of another register, or with a docket of one, is refused", () => {
    const other = new Ledger("s", policyOf({ count: 3, threshold: 2 }), [2]).add();
    expect(codeOf(other.page())).toBe("register");
    expect(codeOf(pageOf([ledger.made[0] as Made, other.made[1] as Made]))).toBe("register");
  });

  function expectRefusedOrSame(
    bytes: Uint8Array<ArrayBuffer>,
    change: { what: string; page: Uint8Array },
  ): void {
    const outcome = verifyPage(request(bytes));
    const { what } = change;
    if (outcome.ok) {
      expect({ what, says: meaningOf(bytes) }).toEqual({ what, says: meaningOf(change.page) });
    } else expect(codes).toContain(outcome.refusal.code);
  }

  function request(bytes: Uint8Array<ArrayBuffer>): VerifyRequest {
    return ledger.request({ bytes });
  }

  function codeOf(bytes: Uint8Array<ArrayBuffer>): RefusalCode | null {
    const outcome = verifyPage(request(bytes));
    return outcome.ok ? null : outcome.refusal.code;
  }
});

describe("random bytes", () => {
  test("are refused with a code wherever pages, bundles and requests are read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        const bytes = new Uint8Array(random);
        const outcome = verifyPage(new Ledger().request({ bytes }));
        expect(outcome.ok ? null : outcome.refusal.code).toBeOneOf(codes);
        const scanned = scanPage(bytes);
        if (!scanned.ok) expect(codes).toContain(scanned.refusal.code);
        readBundle(bytes);
      }),
      { numRuns: 300 },
    );
  });
});

/** What the documents of a page say, without how they are spelled. */
function meaningOf(bytes: Uint8Array): unknown {
  const scanned = scanPage(bytes);
  if (!scanned.ok) return null;
  return scanned.value.bundles.map(({ offset, length }) => {
    const bundle = readBundle(bytes.subarray(offset, offset + length));
    return [bundle?.docketData, ...(bundle?.transactionData ?? [])].map(
      (data) => JSON.parse(new TextDecoder().decode(data)) as unknown,
    );
  });
}
