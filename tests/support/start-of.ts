import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import { startAt } from "../../src/dockets/join.ts";
import type { CheckedPage, VerifiedStart } from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import type { TestChain } from "./test-chain.ts";

/** What a follower without the past begins with: these control dockets, and this head. */
export function startOf(
  chain: TestChain,
  parts: { control: number[]; head: number | null },
): VerifiedStart {
  const head = parts.head === null ? null : chain.check(parts.head, parts.head);
  const started = startAt(policyChain(chain, parts.control), head);
  if (!started.ok) throw new Error(started.refusal.message);
  return started.value;
}

function policyChain(chain: TestChain, numbers: number[]): CheckedPage {
  const bundles = chain.bundles.filter((_, number) => numbers.includes(number)).map(encodeBundle);
  const checked = verifyPage({
    registerId: chain.registerId,
    bytes: encodePage({ bundles, headNumber: chain.bundles.length - 1, firstVersion: 1 }),
    nextNumber: 0,
    policy: null,
    nowMs: Date.UTC(2027, 0, 1),
    verifyTransactions: "all",
    acceptUnsealed: false,
    isPolicyChain: true,
  });
  if (!checked.ok) throw new Error(checked.refusal.message);
  return checked.value;
}
