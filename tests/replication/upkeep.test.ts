import { afterAll, beforeAll, expect, test } from "bun:test";
import { verifyPage } from "../../src/dockets/verify.ts";
import { appendPage } from "../../src/registers/append.ts";
import * as damage from "../../src/registers/damage.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import * as upkeep from "../../src/replication/upkeep.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

const dayMs = 86_400_000;
const auditMs = 7 * dayMs;
const bytesPerSecond = 64 * 1024;

/** A clock whose sleepers a test wakes, one by one, by what they wait for. */
class HandClock {
  ms = Date.UTC(2026, 5, 1);
  sleepers: { ms: number; wake: () => void }[] = [];
  nowMs = () => Math.round(this.ms);
  monotonicMs = () => this.ms;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const abort = () => reject(Object.assign(new Error("Aborted"), { name: "AbortError" }));
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      this.sleepers.push({ ms, wake: resolve });
    });

  /** Somebody sleeps for what `isIt` says: what was done before that is done. */
  async waits(isIt: (ms: number) => boolean): Promise<void> {
    while (!this.sleepers.some(({ ms }) => isIt(ms))) await Bun.sleep(1);
  }

  /** Waits until somebody sleeps for what `isIt` says, and lets that time pass. */
  async pass(isIt: (ms: number) => boolean): Promise<number> {
    for (;;) {
      const at = this.sleepers.findIndex(({ ms }) => isIt(ms));
      const [found] = at < 0 ? [] : this.sleepers.splice(at, 1);
      if (found === undefined) {
        await Bun.sleep(1);
        continue;
      }
      this.ms += found.ms;
      found.wake();
      return found.ms;
    }
  }
}

onEachStore("background audits", () => {
  const clock = new HandClock();
  let isCatchingUp = false;
  let checked = 0;

  beforeAll(async () => {
    await heads.open();
    await damage.open();
    feed.open();
  });
  afterAll(async () => {
    await upkeep.close();
    feed.close();
    damage.close();
    heads.close();
  });

  function open(): Promise<void> {
    return upkeep.open({
      auditMs,
      auditBytesPerSecond: bytesPerSecond,
      isCatchingUp: () => isCatchingUp,
      checkStored: async (page, policy) => {
        checked += 1;
        return verifyPage({
          ...page,
          bytes: new Uint8Array(page.bytes),
          policy,
          nowMs: Date.UTC(2027, 0, 1),
          verifyTransactions: "none",
          acceptUnsealed: false,
        });
      },
      stationsOf: () => ({
        sources: () => [],
        pullRange: async function* () {},
        check: async () => Promise.reject(new Error("nobody is asked")),
        compare: () => undefined,
      }),
      report: () => undefined,
      clock,
      dice: () => 0.5,
    });
  }

  const isLook = (ms: number) => ms === 60_000;
  const isYield = (ms: number) => ms === 250;
  const isRead = (ms: number) => !isLook(ms) && !isYield(ms) && ms !== 10_000;

  test("a register is looked at when it is due, as fast as is allowed, and not while one catches up", async () => {
    const chain = new TestChain("due").sealMany(30, 2);
    clock.ms = Date.now();
    await appendPage(chain.page(0, 30));
    const bytes = heads.registerOf("due")?.bytes ?? 0;
    await open();
    await clock.pass(isLook);
    await clock.pass(isLook);
    expect(upkeep.statusOf("due")).toMatchObject({ state: "never", lastAudit: null });
    expect(checked).toBe(0);

    await clock.waits(isLook);
    clock.ms += auditMs;
    isCatchingUp = true;
    await clock.pass(isLook);
    // The rate: what was read costs its time before the next page is.
    let slept = await clock.pass(isRead);
    await clock.pass(isYield);
    await clock.pass(isYield);
    expect(upkeep.statusOf("due").state).toBe("running");
    isCatchingUp = false;
    await clock.pass(isYield);
    while (upkeep.statusOf("due").state === "running") {
      const waits = clock.sleepers.find(({ ms }) => isRead(ms));
      if (waits === undefined) await Bun.sleep(1);
      else slept += await clock.pass(isRead);
    }
    expect(Math.round((slept * bytesPerSecond) / 1_000)).toBe(bytes);
    expect(upkeep.statusOf("due")).toMatchObject({
      state: "finished",
      lastAudit: { isWhole: true, dockets: 31 },
    });

    // Not again before its time.
    const before = checked;
    await clock.pass(isLook);
    await clock.pass(isLook);
    expect(checked).toBe(before);
  });
});
