import { expect, test } from "bun:test";
import { newSeed } from "../../src/dockets/keys.ts";
import { identityOf } from "../../src/peers/identity.ts";
import { OwnRecord } from "../../src/peers/own-record.ts";

const nowMs = Date.UTC(2026, 0, 1);

function ownRecord(): OwnRecord {
  return new OwnRecord({
    identity: identityOf("node", newSeed()),
    host: "127.0.0.1",
    port: () => 5001,
    protocols: [],
    nowMs: () => nowMs,
    publicAdverts: () => [],
  });
}

test("a record is made newer than one that a peer knows, of a time when the clock ran ahead", () => {
  const own = ownRecord();
  expect(own.current().seq).toBe(nowMs);
  own.outgrow(nowMs + 5 * 3_600_000);
  expect(own.current().seq).toBe(nowMs + 5 * 3_600_000 + 1);
  // What is older, or no time that a clock shows, changes nothing.
  own.outgrow(nowMs);
  own.outgrow(Number.MAX_SAFE_INTEGER);
  expect(own.current().seq).toBe(nowMs + 5 * 3_600_000 + 1);
});
