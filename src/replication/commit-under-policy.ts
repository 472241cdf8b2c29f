import type { CheckedPage, Head, Outcome } from "../dockets/types.ts";
import type { LoopOptions } from "./loop-options.ts";

/** A page checked under an older policy than the one in force is checked again, not refused. */
export async function commitUnderPolicy(
  checked: CheckedPage,
  options: Pick<LoopOptions, "anchor" | "check" | "commit"> & { sourcePeerId: string },
): Promise<Outcome<Head> | "moved"> {
  const { sourcePeerId } = options;
  const first = await options.commit(checked, sourcePeerId);
  const anchor = options.anchor();
  const firstNumber = checked.dockets[0]?.number;
  if (first !== "moved" || firstNumber !== anchor.nextNumber) return first;
  const again = await options.check(
    {
      registerId: checked.registerId,
      bytes: checked.bytes,
      nextNumber: anchor.nextNumber,
      docketCount: checked.dockets.length,
      sourceHeadNumber: -1,
      sourcePeerId,
    },
    anchor.policy,
  );
  return again.ok ? await options.commit(again.value, sourcePeerId) : again;
}
