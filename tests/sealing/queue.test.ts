/** The durable queue over a real database, with a sealer that does what a test wants. */
import { afterEach, beforeAll, expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { BuiltTransaction } from "../../src/sealing/batch.ts";
import { Queue } from "../../src/sealing/queue.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";

const signer = signerOfSeed(new Uint8Array(32).fill(6));
const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** Back-offs pass in no time. */
const hasty: Clock = { ...systemClock, sleep: () => Bun.sleep(0) };
const queues: Queue[] = [];

function built(registerId: string, data = 1): BuiltTransaction {
  const payloadJson = `{"type":"Action","data":${data}}`;
  return buildTransaction({ registerId, payloadJson, createdAtMs: 1_000, signer });
}

async function queueOf(seal: (one: BuiltTransaction) => Promise<number>): Promise<Queue> {
  const queue = new Queue({ clock: hasty, dice: () => 0, log: silent, maxRetries: 3, seal });
  queues.push(queue);
  await queue.open();
  return queue;
}

const notSealed = () => new PeerError("conflict", "not-sealed", { message: "Nobody sealed it" });
const offline = () => new PeerError("network", "unreachable", { message: "Nobody is there" });
const page = { offset: 0, limit: 100, state: null, registerId: null, transactionId: null };

onEachStore("the queue", () => {
  beforeAll(async () => void (await sql()`DELETE FROM queued_transactions`));
  afterEach(async () => {
    for (const queue of queues.splice(0)) queue.close();
    await sql()`DELETE FROM queued_transactions`;
  });

  test("puts aside what validators did not seal so many times; it is retried, or dropped", async () => {
    let isWilling = false;
    let tries = 0;
    const queue = await queueOf(async () => {
      tries += 1;
      if (!isWilling) throw notSealed();
      return 7;
    });
    const one = built("r1");
    const wanted = { registerId: "r1", transactionId: one.transaction.transactionId };
    const { sealed } = await queue.accept(one);
    expect(await errorOf(sealed)).toMatchObject({ code: "not-sealed" });
    expect([tries, queue.count, queue.deadCount]).toEqual([3, 0, 1]);
    const [row] = await queue.list(page);
    expect(row).toMatchObject({ ...wanted, state: "dead", attempts: 3 });
    expect(row?.lastError).toBe("Nobody sealed it");
    expect(await errorOf(queue.acceptOnce(one))).toMatchObject({ code: "dead-letter" });
    isWilling = true;
    await queue.retry(wanted);
    while (queue.count > 0) await Bun.sleep(1);
    expect([queue.deadCount, (await queue.list(page)).length]).toEqual([0, 0]);
    isWilling = false;
    await errorOf((await queue.accept(one)).sealed);
    await queue.drop(wanted);
    expect([queue.deadCount, (await queue.list(page)).length]).toEqual([0, 0]);
    expect(await errorOf(queue.drop(wanted))).toMatchObject({ code: "not-queued" });
    expect(await errorOf(queue.retry(wanted))).toMatchObject({ code: "not-queued" });
  });

  test("spends no attempt while nobody is there, and loses nothing (weakness 30)", async () => {
    let tries = 0;
    const queue = await queueOf(async () => {
      tries += 1;
      if (tries < 50) throw offline();
      return 3;
    });
    const { sealed } = await queue.accept(built("r2"));
    expect(await sealed).toBe(3);
    expect([tries, queue.count, queue.deadCount]).toEqual([50, 0, 0]);
  });

  test("is taken up again after a crash, in order, dead letters not (weakness 33)", async () => {
    const never = await queueOf((one) =>
      one.transaction.payloadJson.includes("9")
        ? Promise.reject(notSealed())
        : new Promise(() => {}),
    );
    const dead = await never.accept(built("r3", 9));
    await errorOf(dead.sealed);
    const ids: string[] = [];
    for (const data of [1, 2, 3]) {
      ids.push(built("r3", data).transaction.transactionId);
      await never.accept(built("r3", data));
    }
    const taken: string[] = [];
    const again = await queueOf(async ({ transaction }) => taken.push(transaction.transactionId));
    expect([again.count, again.deadCount]).toEqual([3, 1]);
    await again.resume("r3");
    while (again.count > 0) await Bun.sleep(1);
    expect(taken).toEqual(ids);
    expect((await again.list(page)).map(({ state }) => state)).toEqual(["dead"]);
  });

  test("seals what peers brought once, however often, and by register", async () => {
    const taken: string[] = [];
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const queue = await queueOf(async ({ transaction }) => {
      taken.push(transaction.registerId);
      await held;
      return 1;
    });
    const first = queue.sealOnce(built("r4"));
    await queue.sealOnce(built("r4"));
    const other = queue.sealOnce(built("r5"));
    letGo();
    await Promise.all([first, other]);
    expect(taken.toSorted()).toEqual(["r4", "r5"]);
    expect((await queue.list(page)).length).toBe(0);
  });
});
