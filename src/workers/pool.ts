/**
 * Owns the node's verifier threads: CPU work off the main thread behind one awaitable call. Opened
 * by `node.ts` and by tests; the road of a docket and the audit call it. Never keeps a page, and
 * never decides whether one is stored.
 */
import { assert } from "../base/assert.ts";
import type { CheckedPage, Outcome } from "../dockets/types.ts";
import { type VerifyRequest, verifyPage as verifyHere } from "../dockets/verify.ts";
import { limits } from "../runtime/limits.ts";
import { Verifiers } from "./verifiers.ts";

let isOpen = false;
let verifiers: Verifiers | null = null;

/** With `count` 0 or without a thread's URL pages are verified on the calling thread. */
export function open(options: { threadUrl: URL | null; count: number }): void {
  assert(!isOpen, "the pool of verifiers is opened once");
  const { threadUrl, count } = options;
  verifiers =
    threadUrl === null || count === 0
      ? null
      : new Verifiers({ threadUrl, count, waitingMax: waitingPagesMax });
  isOpen = true;
}

export async function close(): Promise<void> {
  const closing = verifiers;
  verifiers = null;
  isOpen = false;
  await closing?.close();
}

/** As many as every register's road may have on its way at once: more is a caller gone wild. */
export const waitingPagesMax = limits.pagesInFlight * limits.subscriptions;

/** Pages that wait for a thread. */
export function waitingPages(): number {
  return verifiers?.waitingCount ?? 0;
}

/**
 * The request's bytes stay with the caller, and the checked page has them. What is live comes a
 * docket at a time and is checked at once: two changes of thread took longer, on busy cores by ms.
 */
export async function verifyPage(request: VerifyRequest): Promise<Outcome<CheckedPage>> {
  assert(isOpen, "the pool of verifiers is open");
  const isSmall = request.bytes.length <= limits.smallPageBytes;
  return verifiers === null || isSmall ? verifyHere(request) : verifiers.verifyPage(request);
}
