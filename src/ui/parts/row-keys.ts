import type { RefObject } from "preact";

/** Arrow keys, Home and End walk through the links of a table's rows, those to come as well. */
export function useRowKeys(
  body: RefObject<HTMLElement | null>,
  rows: { count: number; height: number },
): (event: KeyboardEvent) => void {
  return (event) => {
    const row = (event.target as HTMLElement).closest("tr");
    const at = Number(row?.dataset.row ?? Number.NaN);
    const next = nextRow(event.key, at, rows.count);
    if (next === null || body.current === null) return;
    event.preventDefault();
    focusRow(body.current, next, rows.height);
  };
}

function nextRow(key: string, at: number, count: number): number | null {
  if (Number.isNaN(at)) return null;
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
  const step = steps[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return step === undefined ? null : Math.min(count - 1, Math.max(0, at + step));
}

function focusRow(body: HTMLElement, index: number, height: number): void {
  const link = () => body.querySelector<HTMLElement>(`tr[data-row="${index}"] a`);
  const there = link();
  if (there !== null) {
    there.focus();
    return;
  }
  const top = body.getBoundingClientRect().top + window.scrollY + index * height;
  window.scrollTo({ top: top - window.innerHeight / 2 });
  // The row is drawn after the scrolling was seen.
  requestAnimationFrame(() => requestAnimationFrame(() => link()?.focus()));
}
