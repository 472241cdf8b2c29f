import { expect, test } from "bun:test";
import * as budgets from "../../src/replication/budgets.ts";
import { openChannel } from "../../src/wire/client.ts";
import { registerSync, replication } from "../../src/wire/services.ts";
import { onEachStore } from "../support/database.ts";
import { closeRpcNode, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

const rate = 65_536;

onEachStore("What is sent within a budget", () => {
  test("waits its time, in whole, whichever service hands it out", async () => {
    const clock = new PassingClock();
    const { address } = await openRpcNode();
    const channel = openChannel({ address, nodeId: "asker" });
    const chain = new TestChain("r1").sealMany(60, 10);
    await keep(chain, 0, 60);
    const settings = { ...none, onePeerSendBytesPerSecond: rate };
    budgets.open(settings, clock);
    const frames = await Array.fromAsync(
      channel.stream(replication.pullRange, { registerId: "r1", nextDocket: 0 }),
    );
    const sizes = frames.map((frame) => frame.byteLength);
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    expect(frames.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThan(rate + 4_096);
    // The last frame's turn comes when those before it are paid for.
    expect(clock.monotonicMs()).toBeGreaterThan(((total - 2 * rate) / rate) * 1_000);
    expect(clock.monotonicMs()).toBeLessThanOrEqual((total / rate) * 1_000);
    const before = clock.monotonicMs();
    const transactionIds = chain.transactionIds.slice(1, 20).flat();
    const asked = { registerId: "r1", transactionIds };
    const bodies = await Array.fromAsync(
      channel.stream(registerSync.pullDocketTransactions, asked),
    );
    expect(bodies.length).toBe(190);
    expect(clock.monotonicMs()).toBeGreaterThan(before);
    budgets.close();
    channel.close();
    await closeRpcNode();
  });
});

const none: budgets.BudgetSettings = {
  sendBytesPerSecond: 0,
  receiveBytesPerSecond: 0,
  onePeerSendBytesPerSecond: 0,
  onePeerReceiveBytesPerSecond: 0,
  registerSendBytesPerSecond: 0,
  registerReceiveBytesPerSecond: 0,
};

/** Whoever sleeps makes the time pass. */
class PassingClock {
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
  }
}
