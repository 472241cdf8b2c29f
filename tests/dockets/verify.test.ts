import { describe, expect, test } from "bun:test";
import { sha256Hex } from "../../src/dockets/hash.ts";
import type { Docket, RefusalCode, Transaction } from "../../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../../src/dockets/verify.ts";
import { Ledger, type Made, nowMs, pageOf, policyOf, rewritten, startMs } from "./ledger.ts";

describe("verifyPage", () => {
  test("takes a true chain from its genesis on and says where everything lies", () => {
    const ledger = new Ledger().add().add({ count: 0 }).add({ count: 5 });
    const request = ledger.request();
    const outcome = verifyPage(request);
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    const { dockets, transactions, policyBefore, policyAfter, bytes } = outcome.value;
    expect(bytes).toBe(request.bytes);
    expect(policyBefore).toBeNull();
    expect(policyAfter).toEqual(ledger.policy);
    expect(dockets.map((docket) => docket.transactionCount)).toEqual([1, 2, 0, 5]);
    expect(dockets.map((docket) => docket.isControl)).toEqual([true, false, false, false]);
    expect(dockets.every((docket) => docket.isSealed)).toBe(true);
    const ids = ledger.made.flatMap((made) => made.bodies.map((body) => body.transactionId));
    expect(transactions.count).toBe(ids.length);
    for (let row = 0; row < ids.length; row += 1) {
      const docket = dockets[transactions.docketNumbers[row] as number];
      const start = (docket?.offset ?? 0) + (transactions.offsets[row] as number);
      const data = bytes.subarray(start, start + (transactions.lengths[row] as number));
      const body = JSON.parse(new TextDecoder().decode(data)) as Transaction;
      expect(body.transactionId).toBe(ids[row] as string);
      const key = Buffer.from(transactions.keys.subarray(16 * row, 16 * row + 16)).toString("hex");
      expect(key).toBe((ids[row] as string).slice(0, 32));
    }
  });

  test("refuses a page without dockets, and every kind of broken framing", () => {
    const ledger = new Ledger().add();
    expect(codeOf(ledger.request({ bytes: new Uint8Array(0) }))).toBe("size");
    const page = ledger.page();
    expect(codeOf(ledger.request({ bytes: page.slice(0, -1) }))).toBe("schema");
    expect(codeOf(ledger.request({ bytes: new Uint8Array([...page, 0x22, 0]) }))).toBe("schema");
    expect(codeOf(ledger.request({ bytes: new Uint8Array([...page, 0x10, 0x80, 0x00]) }))).toBe(
      "schema",
    );
    expect(codeOf(ledger.request({ bytes: new Uint8Array([...page, 0x18, 1, 0x10, 1]) }))).toBe(
      "schema",
    );
  });

  test("refuses documents that are too large, are no JSON, or are not in shape", () => {
    expect(codeWith({ docketData: new TextEncoder().encode("{") })).toBe("json");
    expect(codeWith({ docketData: new Uint8Array([0x7b, 0xff]) })).toBe("json");
    expect(codeWith({ transactionData: [new TextEncoder().encode("[]")] })).toBe("schema");
    const large = new Uint8Array(10 * 1024 * 1024 + 1).fill(0x20);
    expect(codeWith({ transactionData: [large] })).toBe("size");
    expect(codeOf(new Ledger().request({ bytes: new Uint8Array(16 * 1024 * 1024 + 1) }))).toBe(
      "size",
    );
    expect(codeWith({}, (docket) => Object.assign(docket, { extra: 1 }))).toBe("schema");
    expect(codeWith({}, (docket) => Reflect.deleteProperty(docket, "votes"))).toBe("schema");
    expect(codeWith({}, (docket) => Object.assign(docket, { docketNumber: 1.5 }))).toBe("schema");
    expect(codeWith({}, (docket) => Object.assign(docket, { previousHash: "" }))).toBe("schema");
    for (const createdAt of ["2023-02-30T00:00:00.000Z", "2023-02-03T00:00:00Z", "now"]) {
      expect(codeWith({}, (docket) => Object.assign(docket, { createdAt }))).toBe("schema");
    }
  });

  test("refuses more dockets in a page than there may be", () => {
    const empty = { docketData: new Uint8Array(0), transactionData: [] };
    const bytes = pageOf(Array.from({ length: 1001 }, () => empty));
    expect(codeOf(new Ledger().request({ bytes }))).toBe("size");
  });

  test("refuses what belongs to another register, be it a docket or one body", () => {
    const ledger = new Ledger().add();
    expect(codeOf({ ...ledger.request(), registerId: "other" })).toBe("register");
    expect(codeOf(changedBody((body) => Object.assign(body, { registerId: "other" })))).toBe(
      "register",
    );
  });

  test("refuses dropped, doubled, reordered and unasked dockets by number", () => {
    const ledger = new Ledger().add().add().add();
    const [genesis, one, two, three] = ledger.made as [Made, Made, Made, Made];
    for (const order of [
      [one, two],
      [genesis, two],
      [genesis, one, one],
      [genesis, two, one],
      [genesis, one, three],
    ]) {
      expect(codeOf(ledger.request({ bytes: pageOf(order) }))).toBe("number");
    }
    expect(codeOf(ledger.request({ bytes: ledger.page(1), nextNumber: 2 }))).toBe("number");
  });

  test("refuses a docket of a sister chain by its link", () => {
    const ledger = new Ledger().add().add();
    const sister = new Ledger().add({ count: 1 }).add();
    const bytes = pageOf([...ledger.made.slice(0, 2), sister.made[2] as Made]);
    expect(refusalOf(ledger.request({ bytes }))).toMatchObject({ code: "link", docketNumber: 2 });
  });

  test("refuses a transaction listed twice though the Merkle root would not tell", () => {
    const ledger = new Ledger().add({ count: 3 });
    const made = ledger.made[1] as Made;
    const doubled = {
      docketData: rewritten<Docket>(made.docketData, (docket) => {
        docket.transactions.push(docket.transactions[2] as Docket["transactions"][0]);
      }),
      transactionData: [...made.transactionData, made.transactionData[2] as Uint8Array],
    };
    const bytes = pageOf([ledger.made[0] as Made, doubled]);
    const transactionId = made.bodies[2]?.transactionId as string;
    expect(refusalOf(ledger.request({ bytes }))).toMatchObject({
      code: "duplicate",
      transactionId,
    });
  });

  test("refuses bodies that are missing, too many, foreign or out of order by count", () => {
    const ledger = new Ledger().add({ count: 3 });
    const foreign = new Ledger().transaction("foreign").bytes;
    const [a, b, c] = (ledger.made[1] as Made).transactionData as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    for (const bodies of [[], [a, b], [b, c], [a, b, c, foreign], [a, b, foreign], [b, a, c]]) {
      const changed = { ...(ledger.made[1] as Made), transactionData: bodies };
      const bytes = pageOf([ledger.made[0] as Made, changed]);
      expect(codeOf(ledger.request({ bytes }))).toBe("count");
    }
  });

  test("refuses another payload, and a body that lies about its own hash", () => {
    expect(codeOf(changedBody((body) => Object.assign(body, { payloadJson: "{}" })))).toBe(
      "payload-hash",
    );
    const payloadHash = sha256Hex("{}");
    expect(codeOf(changedBody((body) => Object.assign(body, { payloadHash })))).toBe(
      "payload-hash",
    );
    expect(
      codeOf(changedBody((body) => Object.assign(body, { payloadJson: "{}", payloadHash }))),
    ).toBe("payload-hash");
  });

  test("refuses a body's other time, other leaves and another root by Merkle", () => {
    const createdAt = "2020-01-01T00:00:00.000Z";
    expect(codeOf(changedBody((body) => Object.assign(body, { createdAt })))).toBe("merkle");
    const merkleRoot = sha256Hex("");
    expect(codeWith({}, (docket) => Object.assign(docket, { merkleRoot }))).toBe("merkle");
  });

  test("refuses a docket whose hash, id or time was changed", () => {
    const hash = sha256Hex("");
    const createdAt = new Date(startMs + 1001).toISOString();
    for (const change of [{ docketHash: hash }, { docketId: hash }, { createdAt }]) {
      expect(codeWith({}, (docket) => Object.assign(docket, change))).toBe("docket-hash");
    }
  });

  test("refuses dockets that go back in time or come from the future", () => {
    const back = new Ledger().add().add({ createdAtMs: startMs });
    expect(refusalOf(back.request())).toMatchObject({ code: "time", docketNumber: 2 });
    const future = new Ledger().add({ createdAtMs: nowMs + 5 * 60_000 + 1 });
    expect(codeOf(future.request())).toBe("time");
    expect(codeOf(new Ledger().add({ createdAtMs: nowMs + 5 * 60_000 }).request())).toBeNull();
  });

  test("refuses transactions without a true signature, unless they are not to be looked at", () => {
    const unsigned = changedBody((body) => Object.assign(body, { signatures: [] }));
    expect(codeOf(unsigned)).toBe("tx-signature");
    expect(codeOf({ ...unsigned, verifyTransactions: "none" })).toBeNull();
    const [first] = new Ledger().transaction("x").transaction.signatures;
    expect(codeOf(changedBody((body) => body.signatures.push(first as never)))).toBe(
      "tx-signature",
    );
  });

  test("refuses another genesis than the pinned one", () => {
    const ledger = new Ledger();
    const genesisHash = ledger.made[0]?.docket.docketHash as string;
    expect(codeOf(ledger.request({ genesisHash }))).toBeNull();
    expect(codeOf(ledger.request({ genesisHash: sha256Hex("") }))).toBe("genesis");
  });

  test("names the first failure in the order of checking", () => {
    // Wrong in every way that a docket can be put together: the earliest check must speak.
    const ledger = new Ledger().add().add();
    const steps: [RefusalCode, (docket: Docket, request: VerifyRequest) => void][] = [
      ["register", (docket) => Object.assign(docket, { registerId: "other" })],
      ["number", (docket) => Object.assign(docket, { docketNumber: 7 })],
      ["link", (docket) => Object.assign(docket, { previousHash: sha256Hex("") })],
      ["duplicate", (docket) => docket.transactions.push(docket.transactions[0] as never)],
      ["merkle", (docket) => Object.assign(docket, { merkleRoot: sha256Hex("") })],
      ["docket-hash", (docket) => Object.assign(docket, { docketId: sha256Hex("") })],
    ];
    for (let first = 0; first < steps.length; first += 1) {
      const request = ledger.request();
      const made = ledger.made[2] as Made;
      const docketData = rewritten<Docket>(made.docketData, (docket) => {
        for (const [, change] of steps.slice(first)) change(docket, request);
      });
      const bytes = pageOf([...ledger.made.slice(0, 2), { ...made, docketData }]);
      expect(codeOf({ ...request, bytes })).toBe(steps[first]?.[0] as RefusalCode);
    }
  });
});

describe("verifyPage on a policy chain", () => {
  test("takes the control dockets alone and ends with the newest policy", () => {
    const ledger = new Ledger().add();
    const next = policyOf({ version: 2, name: "renamed" });
    ledger.add({ with: [ledger.policyTransaction(next)] }).add();
    const bytes = pageOf([ledger.made[0] as Made, ledger.made[2] as Made]);
    const outcome = verifyPage(ledger.request({ bytes, isPolicyChain: true }));
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    expect(outcome.value.policyAfter).toEqual(next);
    expect(outcome.value.dockets.map((docket) => docket.number)).toEqual([0, 2]);
  });

  test("refuses dockets without control, without the genesis, and out of order", () => {
    const ledger = new Ledger().add();
    ledger.add({ with: [ledger.policyTransaction(policyOf({ version: 2 }))] });
    ledger.add({ with: [ledger.policyTransaction(policyOf({ version: 3 }))] });
    const [genesis, plain, two, three] = ledger.made as [Made, Made, Made, Made];
    for (const order of [[genesis, plain], [two], [genesis, three, two], [genesis, two, two]]) {
      expect(codeOf(ledger.request({ bytes: pageOf(order), isPolicyChain: true }))).toBe("number");
    }
  });
});

function refusalOf(request: VerifyRequest) {
  const outcome = verifyPage(request);
  return outcome.ok ? null : outcome.refusal;
}

function codeOf(request: VerifyRequest): RefusalCode | null {
  return refusalOf(request)?.code ?? null;
}

/** What a register's docket 1 is refused with after parts of it were replaced. */
function codeWith(
  parts: Partial<Pick<Made, "docketData" | "transactionData">>,
  change?: (docket: Docket) => void,
): RefusalCode | null {
  const ledger = new Ledger().add({ count: 1 });
  const made = { ...(ledger.made[1] as Made), ...parts };
  if (change !== undefined) made.docketData = rewritten<Docket>(made.docketData, change);
  return codeOf(ledger.request({ bytes: pageOf([ledger.made[0] as Made, made]) }));
}

function changedBody(change: (body: Transaction) => void): VerifyRequest {
  const ledger = new Ledger().add({ count: 1 });
  const made = ledger.made[1] as Made;
  const transactionData = made.transactionData.map((data) => rewritten<Transaction>(data, change));
  return ledger.request({ bytes: pageOf([ledger.made[0] as Made, { ...made, transactionData }]) });
}
