import { expect, test } from "bun:test";
import { Leaving } from "../../src/sealing/leaving.ts";
import { errorOf } from "../support/error-of.ts";

test("what comes while a statement runs goes with the next, each register by itself", async () => {
  const statements: [string, string[]][] = [];
  const turns: (() => void)[] = [];
  const leaving = new Leaving(async (registerId, ids) => {
    statements.push([registerId, ids]);
    await new Promise<void>((resolve) => turns.push(resolve));
  });
  const all = [leaving.leave("r", "a"), leaving.leave("r", "b"), leaving.leave("s", "c")];
  await Bun.sleep(0);
  expect(statements).toEqual([["r", ["a", "b"]]]);
  for (const id of ["d", "e", "f"]) all.push(leaving.leave("r", id));
  for (let turn = 0; turn < 3; turn += 1) {
    turns[turn]?.();
    await Bun.sleep(0);
  }
  await Promise.all(all);
  expect(statements.slice(1)).toEqual([
    ["s", ["c"]],
    ["r", ["d", "e", "f"]],
  ]);
});

test("a statement that fails fails for all that were in it, and for no other", async () => {
  let isAway = true;
  const leaving = new Leaving(async () => {
    if (isAway) throw new Error("away");
  });
  const failed = [leaving.leave("r", "a"), leaving.leave("r", "b")];
  for (const one of failed) expect(((await errorOf(one)) as Error).message).toBe("away");
  isAway = false;
  await leaving.leave("r", "a");
});
