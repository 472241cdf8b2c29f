import { describe, expect, test } from "bun:test";
import { anchorAfter, isPolicyCurrent, joinPage, startAt } from "../../src/dockets/join.ts";
import type { Anchor, CheckedPage } from "../../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../../src/dockets/verify.ts";
import { Ledger, type Made, pageOf, policyOf } from "./ledger.ts";

describe("joinPage", () => {
  test("fits page on page and moves the anchor", () => {
    const ledger = new Ledger().add().add().add();
    const first = joined(nothing(ledger), checked(ledger.request({ bytes: ledger.page(0, 2) })));
    expect(first.next).toMatchObject({
      nextNumber: 2,
      previousHash: ledger.made[1]?.docket.docketHash,
      policy: ledger.policy,
    });
    const second = joined(first.next, checked(ledger.request({ nextNumber: 2 })));
    expect(second.next.nextNumber).toBe(4);
  });

  test("refuses another register, another place, another past, and going back in time", () => {
    const ledger = new Ledger().add().add();
    const page = checked(ledger.request({ nextNumber: 2 }));
    const anchor = anchorAfter(checked(ledger.request({ bytes: ledger.page(0, 2) })));
    expect(codeOf({ ...anchor, registerId: "other" }, page)).toBe("register");
    expect(codeOf({ ...anchor, nextNumber: 1 }, page)).toBe("number");
    expect(codeOf({ ...anchor, nextNumber: 3 }, page)).toBe("number");
    expect(codeOf({ ...anchor, previousHash: "0".repeat(64) }, page)).toBe("link");
    expect(codeOf({ ...anchor, previousTimeMs: anchor.previousTimeMs + 3_600_000 }, page)).toBe(
      "time",
    );
    expect(codeOf(anchor, page)).toBeNull();
  });

  test("refuses a page that was checked under a policy no longer in force", () => {
    const ledger = new Ledger().add();
    const page = checked(ledger.request({ nextNumber: 1 }));
    const anchor = anchorAfter(checked(ledger.request({ bytes: ledger.page(0, 1) })));
    const moved = { ...anchor, policy: policyOf({ version: 2 }) };
    expect(isPolicyCurrent(anchor, page)).toBe(true);
    expect(isPolicyCurrent(moved, page)).toBe(false);
    expect(codeOf(moved, page)).toBe("seal");
  });

  test("refuses a policy chain: its dockets do not follow one another", () => {
    const { ledger, policyChain } = withPolicyChange();
    expect(codeOf(nothing(ledger), policyChain)).toBe("number");
  });
});

describe("startAt", () => {
  test("begins at the head with the policy that the chain ends with", () => {
    const { ledger, policyChain } = withPolicyChange();
    const head = checked(ledger.request({ nextNumber: 4, policy: policyChain.policyAfter }));
    const start = startAt(policyChain, head);
    if (!start.ok) throw new Error(start.refusal.message);
    expect(start.value.next).toMatchObject({ nextNumber: 5, policy: { version: 2 } });
  });

  test("begins behind the policy chain when nothing came after it", () => {
    const ledger = new Ledger();
    const start = startAt(checked(ledger.request({ isPolicyChain: true })), null);
    expect(start.ok && start.value.next.nextNumber).toBe(1);
  });

  test("refuses a head from before the chain's end, under another policy, or off its link", () => {
    const { ledger, policyChain } = withPolicyChange();
    const old = checked(ledger.request({ nextNumber: 1, bytes: ledger.page(1, 2) }));
    expect(startCode(policyChain, old)).toBe("seal");
    const before = { ...old, policyBefore: policyChain.policyAfter };
    expect(startCode(policyChain, before)).toBe("number");
    const next = checked(ledger.request({ nextNumber: 3, policy: policyChain.policyAfter }));
    expect(startCode(policyChain, next)).toBeNull();
    const [docket] = next.dockets;
    const torn = { ...next, dockets: [{ ...docket, previousHash: "0".repeat(64) } as never] };
    expect(startCode(policyChain, torn)).toBe("link");
    const aged = { ...next, dockets: [{ ...docket, timeMs: 0 } as never] };
    expect(startCode(policyChain, aged)).toBe("time");
    const far = checked(ledger.request({ nextNumber: 4, policy: policyChain.policyAfter }));
    const agedFar = { ...far, dockets: [{ ...far.dockets[0], timeMs: 0 } as never] };
    expect(startCode(policyChain, agedFar)).toBe("time");
    expect(startCode(next, far)).toBe("number");
  });
});

function nothing(ledger: Ledger): Anchor {
  const { registerId } = ledger;
  return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
}

/** Dockets 0 (policy), 1, 2 (policy), 3, 4. */
function withPolicyChange() {
  const ledger = new Ledger().add();
  ledger
    .add({ with: [ledger.policyTransaction(policyOf({ version: 2 }))] })
    .add()
    .add();
  const bytes = pageOf([ledger.made[0] as Made, ledger.made[2] as Made]);
  return { ledger, policyChain: checked(ledger.request({ bytes, isPolicyChain: true })) };
}

function checked(request: VerifyRequest): CheckedPage {
  const outcome = verifyPage(request);
  if (!outcome.ok) throw new Error(outcome.refusal.message);
  return outcome.value;
}

function joined(anchor: Anchor, page: CheckedPage) {
  const outcome = joinPage(anchor, page);
  if (!outcome.ok) throw new Error(outcome.refusal.message);
  return outcome.value;
}

function codeOf(anchor: Anchor, page: CheckedPage): string | null {
  const outcome = joinPage(anchor, page);
  return outcome.ok ? null : outcome.refusal.code;
}

function startCode(policyChain: CheckedPage, head: CheckedPage): string | null {
  const outcome = startAt(policyChain, head);
  return outcome.ok ? null : outcome.refusal.code;
}
