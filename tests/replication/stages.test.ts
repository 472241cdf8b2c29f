import { expect, test } from "bun:test";
import { Stages } from "../../src/replication/stages.ts";

function watched() {
  let nowMs = 0;
  const stages = new Stages({ monotonicMs: () => nowMs });
  const during = (ms: number) => async () => {
    nowMs += ms;
  };
  return { stages, pass: (ms: number) => (nowMs += ms), during };
}

async function pages(of: { sourceMs: number; verifyMs: number; commitMs: number }) {
  const { stages, pass, during } = watched();
  for (let page = 0; page < 20; page += 1) {
    pass(of.sourceMs);
    await stages.checking(during(of.verifyMs))();
    await stages.committing(during(of.commitMs))();
  }
  return stages.limiting();
}

test("a sync is limited by the station where most time goes", async () => {
  expect(await pages({ sourceMs: 90, verifyMs: 10, commitMs: 20 })).toBe("source");
  expect(await pages({ sourceMs: 10, verifyMs: 90, commitMs: 20 })).toBe("verify");
  expect(await pages({ sourceMs: 10, verifyMs: 20, commitMs: 90 })).toBe("commit");
});

test("nothing that comes is the source's, also before the first page", () => {
  expect(watched().stages.limiting()).toBe("source");
});

test("what is checked while something is committed waits for the database", async () => {
  const { stages, pass } = watched();
  const checked = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const checking = stages.checking(() => checked.promise)();
  const committing = stages.committing(() => stored.promise)();
  pass(500);
  expect(stages.limiting()).toBe("commit");
  stored.resolve();
  await committing;
  pass(1_500);
  expect(stages.limiting()).toBe("verify");
  checked.resolve();
  await checking;
});

test("what is long past does not count, and a failure leaves no station busy", async () => {
  const { stages, pass, during } = watched();
  await stages.committing(during(60_000))();
  await stages
    .committing(() => Promise.reject(new Error("away")))()
    .catch(() => undefined);
  expect(stages.limiting()).toBe("commit");
  pass(20_000);
  expect(stages.limiting()).toBe("source");
});
