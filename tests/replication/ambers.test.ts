import { describe, expect, test } from "bun:test";
import {
  type AmberCode,
  amberCodes,
  judgeDamage,
  judgeHealth,
  type Signs,
} from "../../src/replication/ambers.ts";
import { limits } from "../../src/runtime/limits.ts";

const well: Signs = {
  databaseMs: [1, 2, 3],
  diskPercent: 50,
  trust: {
    peerAuth: "open",
    isEncrypted: false,
    certificateExpiresAtMs: null,
    authorityExpiresAtMs: null,
  },
  nowMs: 1_000_000,
  sources: [
    { count: 2, most: 2 },
    { count: 3, most: 4 },
  ],
  clocksAheadMs: [5, -5],
  loopStallMs: 20,
};

function codes(changed: Partial<Signs>): AmberCode[] {
  return judgeHealth({ ...well, ...changed }).map((amber) => amber.code);
}

const soonMs = well.nowMs + limits.certificateMs - 1;
const cases: [AmberCode, Partial<Signs>][] = [
  ["slow-database", { databaseMs: [1, limits.slowDatabaseMs + 1, limits.slowDatabaseMs + 2] }],
  ["disk-nearly-full", { diskPercent: limits.fullDiskPercent }],
  ["certificate-expiring", { trust: { ...well.trust, certificateExpiresAtMs: soonMs } }],
  ["certificate-expiring", { trust: { ...well.trust, authorityExpiresAtMs: soonMs } }],
  ["single-source", { sources: [{ count: 1, most: 2 }] }],
  ["single-source", { sources: [{ count: 0, most: 0 }] }],
  ["clock-off", { clocksAheadMs: [-40_000, -31_000, 0] }],
  ["event-loop-stalled", { loopStallMs: limits.loopStallMs + 1 }],
];

describe("Health (weakness 67)", () => {
  test("is not amber when nothing is wrong, nor when nothing is known", () => {
    expect(codes({})).toEqual([]);
    expect(codes({ databaseMs: [], clocksAheadMs: [], sources: [] })).toEqual([]);
  });

  test.each(cases)("tells %s by its code", (code, changed) => {
    expect(codes(changed)).toEqual([code]);
  });

  test("one source is a notice, until there were more or there is none", () => {
    const levelAt = (...sources: Signs["sources"][number][]) =>
      judgeHealth({ ...well, sources })[0]?.level;
    const only = { count: 1, most: 1 };
    expect(levelAt(only)).toBe("notice");
    expect(levelAt(only, { count: 1, most: 2 })).toBe("warning");
    expect(levelAt(only, { count: 0, most: 0 })).toBe("warning");
  });

  test("tells of damage, and each code there is has its metric", () => {
    expect(judgeDamage(0)).toEqual([]);
    expect(judgeDamage(2)).toMatchObject([{ code: "audit-found-damage", facts: { registers: 2 } }]);
    const told = [...cases.map(([code]) => code), ...judgeDamage(1).map(({ code }) => code)];
    expect([...new Set(told)]).toEqual([...amberCodes]);
  });

  test("one slow answer, one peer of three with a wrong clock: nothing of it", () => {
    expect(codes({ databaseMs: [1, 1, 5_000] })).toEqual([]);
    expect(codes({ clocksAheadMs: [3_600_000, 10, 20] })).toEqual([]);
  });
});
