import type { CheckedPage } from "../dockets/types.ts";
import type { Committed } from "./commit.ts";
import type { LoopOptions } from "./loop-options.ts";

/**
 * Pages checked under an older policy than the one in force are checked again, not refused: the
 * first of them here, the others when they come next.
 */
export function commitUnderPolicy(
  options: Pick<LoopOptions, "anchor" | "check" | "commit">,
): LoopOptions["commit"] {
  return (pages, sourcePeerId) => commitAgain(pages, { ...options, sourcePeerId });
}

async function commitAgain(
  pages: readonly CheckedPage[],
  options: Pick<LoopOptions, "anchor" | "check" | "commit"> & { sourcePeerId: string },
): Promise<Committed> {
  const { sourcePeerId } = options;
  const first = await options.commit(pages, sourcePeerId);
  const page = pages[first.count];
  if (first.stop !== "moved" || page === undefined) return first;
  const anchor = options.anchor();
  if (page.dockets[0]?.number !== anchor.nextNumber) return first;
  const checked = await options.check(
    {
      registerId: page.registerId,
      bytes: page.bytes,
      nextNumber: anchor.nextNumber,
      docketCount: page.dockets.length,
      sourceHeadNumber: -1,
      sourcePeerId,
    },
    anchor.policy,
  );
  if (!checked.ok) return { ...first, stop: checked.refusal };
  const { count, head, stop } = await options.commit([checked.value], sourcePeerId);
  return { count: first.count + count, head: head ?? first.head, stop };
}
