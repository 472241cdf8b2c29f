import { isPolicyCurrent, joinPage } from "../dockets/join.ts";
import type { Anchor, CheckedPage, Head, Outcome } from "../dockets/types.ts";
import { appendPage } from "../registers/append.ts";
import { anchorOf } from "../registers/heads.ts";
import { systemClock } from "../runtime/clock.ts";
import { docketsMoved, pageCommitted } from "../telemetry/recording.ts";
import { amountsOf } from "./rate.ts";

/**
 * Step 4 of the road: a checked page is joined to what is stored and written in one transaction.
 * `moved` says that the register's head or policy is not (or no longer) what the page needs: the
 * caller plans again. Nothing was written then.
 */
export async function commitPage(
  checked: CheckedPage,
  options: { sourcePeerId: string | null; isOrigin?: boolean },
): Promise<Outcome<Head> | "moved"> {
  const anchor = anchorOf(checked.registerId) ?? emptyAnchor(checked.registerId);
  if (!isPolicyCurrent(anchor, checked)) return "moved";
  const joined = joinPage(anchor, checked);
  if (!joined.ok) return joined;
  const startedMs = systemClock.monotonicMs();
  const head = await appendPage(joined.value, {
    ...(options.sourcePeerId === null ? {} : { sourcePeerId: options.sourcePeerId }),
    isOrigin: options.isOrigin ?? false,
  });
  if (head === "moved") return "moved";
  pageCommitted(systemClock.monotonicMs() - startedMs);
  docketsMoved(options.sourcePeerId === null ? "own" : "in", amountsOf(checked));
  return { ok: true, value: head };
}

/** Where a register stands of which nothing is held. */
export function emptyAnchor(registerId: string): Anchor {
  return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
}
