import { describe, expect, test } from "bun:test";
import { type BudgetSettings, Budgets, type Spending } from "../../src/replication/budgets.ts";
import { limits } from "../../src/runtime/limits.ts";
import { errorOf } from "../support/error-of.ts";
import { SimClock } from "../support/sim-clock.ts";

const none: BudgetSettings = {
  sendBytesPerSecond: 0,
  receiveBytesPerSecond: 0,
  onePeerSendBytesPerSecond: 0,
  onePeerReceiveBytesPerSecond: 0,
  registerSendBytesPerSecond: 0,
  registerReceiveBytesPerSecond: 0,
};
const kiB = 1_024;

function budgetsOf(settings: Partial<BudgetSettings>) {
  const clock = new SimClock();
  const budgets = new Budgets({ ...none, ...settings }, clock);
  const stopping = new AbortController();
  /** Sends frame after frame; gives how many bytes went within the time. */
  async function flow(whose: Partial<Spending>, forMs: number, bytes = 64 * kiB): Promise<number> {
    const spending: Spending = {
      direction: "send",
      peerId: "p",
      registerId: "r",
      bytes,
      signal: stopping.signal,
      ...whose,
    };
    const endMs = clock.monotonicMs() + forMs;
    let sent = 0;
    for (;;) {
      await budgets.spend(spending);
      if (clock.monotonicMs() >= endMs) return sent;
      sent += bytes;
    }
  }
  const all = <T>(works: Promise<T>[]) =>
    clock.passUntil(Promise.all(works), { withinMs: 10_000_000 });
  return { clock, budgets, flow, all, stopping };
}

describe("Budgets", () => {
  test("hold each bound over time, and share one evenly among who is under it", async () => {
    const { flow, all } = budgetsOf({ sendBytesPerSecond: 640 * kiB });
    const sent = await all(
      Array.from({ length: 10 }, (_, peer) => flow({ peerId: `p${peer}` }, 100_000)),
    );
    const total = sent.reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeGreaterThanOrEqual(64_000 * kiB);
    expect(total).toBeLessThanOrEqual(64_000 * kiB + 640 * kiB);
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(64 * kiB);
  });

  test("a peer's and a register's bound hold for that one, the tightest for all", async () => {
    const { flow, all } = budgetsOf({
      onePeerSendBytesPerSecond: 128 * kiB,
      registerSendBytesPerSecond: 192 * kiB,
    });
    const [a, b, other] = await all([
      flow({ peerId: "a", registerId: "busy" }, 10_000),
      flow({ peerId: "b", registerId: "busy" }, 10_000),
      flow({ peerId: "c", registerId: "other" }, 10_000),
    ]);
    expect((a as number) + (b as number)).toBeLessThanOrEqual(1_920 * kiB + 128 * kiB);
    expect(other as number).toBeLessThanOrEqual(1_280 * kiB + 64 * kiB);
    expect(other as number).toBeGreaterThanOrEqual(1_280 * kiB);
  });

  test("directions are apart, and without bounds nobody waits", async () => {
    const { budgets, clock, flow, all, stopping } = budgetsOf({ receiveBytesPerSecond: 64 * kiB });
    const one = { peerId: "p", registerId: "r", bytes: 1e9, signal: stopping.signal };
    await budgets.spend({ ...one, direction: "send" });
    await budgets.spend({ ...one, direction: "send" });
    expect(clock.monotonicMs()).toBe(0);
    const [received] = await all([flow({ direction: "receive" }, 10_000)]);
    expect(received as number).toBeLessThanOrEqual(704 * kiB);
  });

  test("a change holds for those who wait already, and a signal ends the wait", async () => {
    const { budgets, clock, stopping } = budgetsOf({ sendBytesPerSecond: 65_536 });
    const huge = { direction: "send", peerId: "p", registerId: "r", bytes: 1e9 } as const;
    await budgets.spend({ ...huge, signal: stopping.signal });
    const waiting = budgets.spend({ ...huge, signal: stopping.signal });
    budgets.change(none);
    await waiting;
    expect(clock.monotonicMs()).toBe(0);
    budgets.change({ ...none, receiveBytesPerSecond: 65_536 });
    const receive = { ...huge, direction: "receive", signal: stopping.signal } as const;
    await budgets.spend(receive);
    const ended = errorOf(budgets.spend(receive));
    expect(budgets.isWaiting("r")).toBe(true);
    stopping.abort();
    expect(await ended).toMatchObject({ name: "AbortError" });
    expect(budgets.isWaiting("r")).toBe(false);
  });

  test("a tight bound makes small frames, none makes full ones", () => {
    expect(budgetsOf({}).budgets.sendBytesAtOnce()).toBe(limits.frameBytes);
    const { budgets } = budgetsOf({ sendBytesPerSecond: 1e9, onePeerSendBytesPerSecond: 100_000 });
    expect(budgets.sendBytesAtOnce()).toBe(100_000);
  });
});
