/** Owns whether the screen is narrow: told by the browser, read by whatever is laid out by hand. */
import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

const narrowScreen = matchMedia("(max-width: 640px)");
export const isNarrow = signal(narrowScreen.matches);
narrowScreen.addEventListener("change", () => {
  isNarrow.value = narrowScreen.matches;
});

/** Rows above and below the screen that are there already. */
const spare = 10;

/** The run of rows that are on the screen, or about to be. Follows the page's own scrolling. */
export function useVisibleRows(
  body: RefObject<HTMLElement | null>,
  rows: { count: number; height: number },
): { first: number; last: number } {
  const { count, height } = rows;
  const [first, setFirst] = useState(0);
  const shown = Math.ceil(window.innerHeight / height) + 2 * spare;
  useLayoutEffect(() => {
    let isWaiting = false;
    const look = () => {
      isWaiting = false;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const hidden = Math.max(0, Math.floor(-top / height) - spare);
      // In steps: a table that is drawn anew at every line scrolls no smoother.
      setFirst(Math.floor(hidden / 5) * 5);
    };
    const onScroll = () => {
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(look);
    };
    look();
    window.addEventListener("scroll", onScroll, { passive: true });
    window.addEventListener("resize", onScroll);
    return () => {
      window.removeEventListener("scroll", onScroll);
      window.removeEventListener("resize", onScroll);
    };
  }, [body, height]);
  const start = Math.min(first, Math.max(0, count - shown));
  return { first: start, last: Math.min(count, start + shown) };
}
