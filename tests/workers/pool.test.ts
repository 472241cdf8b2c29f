import { afterEach, describe, expect, test } from "bun:test";
import { type VerifyRequest, verifyPage as verifyHere } from "../../src/dockets/verify.ts";
import { close, open, verifyPage } from "../../src/workers/pool.ts";
import { Verifiers } from "../../src/workers/verifiers.ts";
import { Ledger } from "../dockets/ledger.ts";

const threadUrl = new URL("../../src/workers/verify-thread.ts", import.meta.url);
const dyingUrl = new URL("./dying-thread.ts", import.meta.url);

afterEach(close);

describe("verifyPage", () => {
  test("answers the same on threads as on the calling thread", async () => {
    const ledger = new Ledger().add().add();
    const requests = [
      ledger.request(),
      ledger.request({ bytes: ledger.page(1) }),
      ledger.request({ bytes: new Uint8Array([1, 2, 3]) }),
    ];
    const answers = [];
    for (const count of [0, 2]) {
      open({ threadUrl, count });
      answers.push(await Promise.all(requests.map((request) => verifyPage(request))));
      await close();
    }
    expect(answers[1]).toEqual(answers[0] as never);
    expect(answers[0]?.map((answer) => answer.ok)).toEqual([true, false, false]);
  });

  test("keeps the caller's bytes, also a part of larger ones", async () => {
    open({ threadUrl, count: 1 });
    const ledger = new Ledger().add();
    const request = ledger.request();
    const outcome = await verifyPage(request);
    expect(outcome.ok && outcome.value.bytes).toEqual(ledger.page());
    expect(request.bytes).toEqual(ledger.page());
    const padded = new Uint8Array([9, 9, ...ledger.page(), 9]);
    const part = padded.subarray(2, padded.length - 1);
    const ofPart = await verifyPage(ledger.request({ bytes: part }));
    expect(ofPart.ok && ofPart.value.bytes).toEqual(ledger.page());
  });

  test("answers many pages at once, each to whoever asked", async () => {
    open({ threadUrl, count: 2 });
    const ledgers = Array.from({ length: 40 }, (_, index) => new Ledger(`register-${index}`).add());
    const outcomes = await Promise.all(ledgers.map((ledger) => verifyPage(ledger.request())));
    expect(outcomes.map((outcome) => outcome.ok && outcome.value.registerId)).toEqual(
      ledgers.map((ledger) => ledger.registerId),
    );
  });

  test("rejects what a caller has promised and does not keep", async () => {
    const broken = new Ledger().request({ policy: null, nextNumber: 3 });
    for (const count of [0, 1]) {
      open({ threadUrl, count });
      expect(verifyPage(broken)).rejects.toThrow("Broken promise");
      await close();
    }
  });
});

describe("Verifiers", () => {
  test("judge each page alone, whatever lay in the same memory before", async () => {
    const verifiers = new Verifiers({ threadUrl, count: 1, waitingMax: 100 });
    const sizes = [40, 1, 3, 900, 1, 40];
    for (const dockets of sizes) {
      const ledger = new Ledger(`register-of-${dockets}`);
      for (let docket = 0; docket < dockets; docket += 1) ledger.add();
      const request = ledger.request();
      const here = verifyHere(request);
      expect(here.ok).toBe(true);
      expect(await verifiers.verifyPage(request)).toEqual(here as never);
    }
    await verifiers.close();
  });

  test("lose no page when a thread dies over one or cannot be started", async () => {
    for (const url of [dyingUrl, new URL("./no-such-thread.ts", import.meta.url)]) {
      const verifiers = new Verifiers({ threadUrl: url, count: 2, waitingMax: 100 });
      const ledger = new Ledger().add();
      // The dying thread ends at the register "death" and works otherwise.
      const requests = ["a", "death", "b", "c", "death", "d"].map((registerId) =>
        new Ledger(registerId).add().request(),
      );
      const outcomes = await Promise.all(requests.map((request) => verifiers.verifyPage(request)));
      expect(outcomes.map((outcome) => outcome.ok)).toEqual(requests.map(() => true));
      const after = await verifiers.verifyPage(ledger.request());
      expect(after.ok).toBe(true);
      await verifiers.close();
    }
  });

  test("refuse more pages than may wait, and every page once closed", async () => {
    const verifiers = new Verifiers({ threadUrl, count: 1, waitingMax: 1 });
    const request: VerifyRequest = new Ledger().request();
    const running = [1, 2, 3].map(() => verifiers.verifyPage(request));
    expect(verifiers.verifyPage(request)).rejects.toThrow("Too many pages wait for a check");
    await Promise.all(running);
    const left = verifiers.verifyPage(request);
    const closed = verifiers.close();
    expect(left).rejects.toThrow("The node is stopping");
    await closed;
    expect(verifiers.verifyPage(request)).rejects.toThrow("The node is stopping");
  });
});
