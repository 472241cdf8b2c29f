/** A sealer on a clock that stands still until told, over a road that is a plain function. */
import { describe, expect, test } from "bun:test";
import { readBundle, scanPage } from "../../src/dockets/bundle.ts";
import { decodeDocket } from "../../src/dockets/decode.ts";
import { buildPayload, buildTransaction } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Anchor, Docket } from "../../src/dockets/types.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { limits } from "../../src/runtime/limits.ts";
import type { BuiltTransaction } from "../../src/sealing/batch.ts";
import { Sealer, type SealerOptions } from "../../src/sealing/sealer.ts";

const signer = signerOfSeed(new Uint8Array(32).fill(3));

class Stage {
  anchor: Anchor = {
    registerId: "r",
    nextNumber: 1,
    previousHash: "0".repeat(64),
    previousTimeMs: 5_000_000,
    policy: null,
  };
  nowMs = 5_000_000;
  readonly dockets: Docket[] = [];
  readonly naps: (() => void)[] = [];
  refuses = 0;
  readonly sealer: Sealer;

  constructor(changes: Partial<SealerOptions> = {}) {
    const clock: Clock = {
      nowMs: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          this.naps.push(resolve);
          if (signal?.aborted) resolve();
          signal?.addEventListener("abort", () => resolve(), { once: true });
        }),
    };
    this.sealer = new Sealer({
      registerId: "r",
      validatorId: "v",
      signer,
      sealCount: 10,
      sealMs: 500,
      clock,
      anchor: () => this.anchor,
      takeIn: async (page) => this.#take(page.bytes),
      ...changes,
    });
  }

  /** The time of a docket is up. */
  ring(): void {
    for (const wake of this.naps.splice(0)) wake();
  }

  #take(bytes: Uint8Array) {
    if (this.refuses > 0) {
      this.refuses -= 1;
      const refusal = { code: "number" as const, message: "moved", docketNumber: 1 };
      return { ok: false as const, refusal };
    }
    const scanned = scanPage(bytes);
    if (!scanned.ok) throw new Error("not a page");
    for (const { offset, length } of scanned.value.bundles) {
      const bundle = readBundle(bytes.subarray(offset, offset + length));
      const docket = decodeDocket(bundle?.docketData ?? new Uint8Array());
      if (!docket.ok) throw new Error(docket.refusal.message);
      expect(docket.value.docketNumber).toBe(this.anchor.nextNumber);
      expect(docket.value.previousHash).toBe(this.anchor.previousHash);
      expect(docket.value.transactions.length).toBe(bundle?.transactionData.length ?? -1);
      this.dockets.push(docket.value);
      this.anchor = {
        ...this.anchor,
        nextNumber: docket.value.docketNumber + 1,
        previousHash: docket.value.docketHash,
        previousTimeMs: Date.parse(docket.value.createdAt),
      };
    }
    const { nextNumber, previousHash } = this.anchor;
    return {
      ok: true as const,
      value: { registerId: "r", number: nextNumber - 1, hash: previousHash },
    };
  }
}

function transaction(n: number, bytes = 10): BuiltTransaction {
  const payloadJson = buildPayload({
    type: "Action",
    sender: "v",
    recipients: [],
    previousTransactionId: null,
    nonce: String(n),
    dataText: JSON.stringify("x".repeat(bytes)),
  });
  return buildTransaction({ registerId: "r", payloadJson, createdAtMs: 5_000_000, signer });
}

function range(count: number): number[] {
  return [...Array(count).keys()];
}

describe("Sealer.submit", () => {
  test("seals at once when a docket is full", async () => {
    const stage = new Stage();
    const numbers = await Promise.all(range(10).map((n) => stage.sealer.submit(transaction(n))));
    expect(new Set(numbers)).toEqual(new Set([1]));
    expect(stage.dockets.map((docket) => docket.transactions.length)).toEqual([10]);
  });

  test("seals what there is when the first has waited long enough, and not before", async () => {
    const stage = new Stage();
    const waiting = range(3).map((n) => stage.sealer.submit(transaction(n)));
    await Promise.resolve();
    expect(stage.dockets.length).toBe(0);
    stage.ring();
    expect(await Promise.all(waiting)).toEqual([1, 1, 1]);
  });

  test("keeps the order of submission, over dockets", async () => {
    const stage = new Stage();
    const built = range(25).map((n) => transaction(n));
    const waiting = built.map((one) => stage.sealer.submit(one));
    await stage.sealer.flush();
    await Promise.all(waiting);
    const sealed = stage.dockets.flatMap((docket) =>
      docket.transactions.map((leaf) => leaf.transactionId),
    );
    expect(sealed).toEqual(built.map((one) => one.transaction.transactionId));
    expect(stage.dockets.map((docket) => docket.transactions.length)).toEqual([10, 10, 5]);
  });

  test("tells the submitter when sealing fails, and seals the next one", async () => {
    const stage = new Stage();
    stage.refuses = 1;
    const lost = stage.sealer.submit(transaction(1)).catch((error: Error) => error.message);
    await stage.sealer.flush();
    expect(await lost).toContain("refused");
    const next = stage.sealer.submit(transaction(2));
    await stage.sealer.flush();
    expect(await next).toBe(1);
  });

  test("never dates a docket before the one it follows, although the clock went back", async () => {
    const stage = new Stage();
    stage.nowMs = 1_000;
    await stage.sealer.sealNow([transaction(1)]);
    expect(Date.parse(stage.dockets[0]?.createdAt ?? "")).toBe(5_000_000);
  });
});

describe("Sealer.sealNow", () => {
  test("splits large transactions over dockets that stay near a frame", async () => {
    const stage = new Stage({ sealCount: 100 });
    const large = range(5).map((n) => transaction(n, limits.frameBytes * 0.6));
    await stage.sealer.sealNow(large);
    expect(stage.dockets.map((docket) => docket.transactions.length)).toEqual([1, 1, 1, 1, 1]);
  });

  test("takes turns with what is submitted: numbers stay dense", async () => {
    const stage = new Stage();
    const submitted = range(10).map((n) => stage.sealer.submit(transaction(n)));
    const imported = stage.sealer.sealNow(range(30).map((n) => transaction(100 + n)));
    await Promise.all([...submitted, imported]);
    expect(stage.dockets.map((docket) => docket.docketNumber)).toEqual([1, 2, 3, 4]);
  });
});
