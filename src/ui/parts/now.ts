/** Owns the time that "12 s ago" is counted from; it moves once a second while somebody looks. */
import { signal } from "@preact/signals";
import { systemClock } from "../../runtime/clock.ts";

export const nowMs = signal(systemClock.nowMs());

/** Runs as long as the page is there. */
export async function startNow(): Promise<never> {
  for (;;) {
    await systemClock.sleep(1_000);
    if (!document.hidden) nowMs.value = systemClock.nowMs();
  }
}
