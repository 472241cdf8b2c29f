import { isPolicyCurrent, joinPage } from "../dockets/join.ts";
import type { Anchor, CheckedPage, Head, Refusal, VerifiedPage } from "../dockets/types.ts";
import { appendPages } from "../registers/append.ts";
import { anchorOf } from "../registers/heads.ts";
import { systemClock } from "../runtime/clock.ts";
import { docketsMoved, pageCommitted } from "../telemetry/recording.ts";
import { amountsOf } from "./rate.ts";

/** What became of pages that were to be stored together. */
export interface Committed {
  /** How many are stored, from the first on. */
  count: number;
  /** The register's head then; null when none is stored. */
  head: Head | null;
  /** Why the one behind them is not; null where all are. */
  stop: "moved" | Refusal | null;
}

/**
 * Step 4 of the road: checked pages that follow each other are joined to what is stored, each to
 * the one before it, and as many as fit are written in one transaction. `moved` says that the
 * register's head or policy is not (or no longer) what the next page needs: the caller plans again.
 */
export async function commitPages(
  pages: readonly CheckedPage[],
  options: { sourcePeerId: string | null; isOrigin?: boolean },
): Promise<Committed> {
  const { joined, stop } = joinPages(pages);
  if (joined.length === 0) return { count: 0, head: null, stop };
  const startedMs = systemClock.monotonicMs();
  const head = await appendPages(joined, {
    ...(options.sourcePeerId === null ? {} : { sourcePeerId: options.sourcePeerId }),
    isOrigin: options.isOrigin ?? false,
  });
  if (head === "moved") return { count: 0, head: null, stop: "moved" };
  pageCommitted(systemClock.monotonicMs() - startedMs);
  const way = options.sourcePeerId === null ? "own" : "in";
  for (const { page } of joined) docketsMoved(way, amountsOf(page));
  return { count: joined.length, head, stop };
}

function joinPages(pages: readonly CheckedPage[]): {
  joined: VerifiedPage[];
  stop: Committed["stop"];
} {
  const joined: VerifiedPage[] = [];
  for (const page of pages) {
    const { registerId } = page;
    const anchor = joined.at(-1)?.next ?? anchorOf(registerId) ?? emptyAnchor(registerId);
    const overtaken = joined.length === 0 ? findOvertaken(anchor, page) : null;
    if (overtaken !== null) return { joined, stop: overtaken };
    if (!isPolicyCurrent(anchor, page)) return { joined, stop: "moved" };
    const outcome = joinPage(anchor, page);
    if (!outcome.ok) return { joined, stop: outcome.refusal };
    joined.push(outcome.value);
  }
  return { joined, stop: null };
}

/**
 * The page begins with dockets that came here by another way meanwhile, as those that this node
 * helped to seal do: plan again. Unless its last one is not the one that is held in its place.
 */
function findOvertaken(anchor: Anchor, page: CheckedPage): Committed["stop"] {
  const [first] = page.dockets;
  const last = page.dockets.at(-1);
  if (first === undefined || last === undefined || first.number >= anchor.nextNumber) return null;
  if (last.number !== anchor.nextNumber - 1 || last.hash === anchor.previousHash) return "moved";
  const message = "The source has another docket in the place of one that is held";
  return { code: "link", message, docketNumber: anchor.nextNumber };
}

/** Where a register stands of which nothing is held. */
export function emptyAnchor(registerId: string): Anchor {
  return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
}
