import type { Clock } from "../runtime/clock.ts";

/** What is made anew takes at most this share of the time. */
const share = 1 / 20;

/**
 * The function's last result for `keepMs`, or longer where making it takes long: whoever asks all
 * the time gets a slightly old answer, and never the whole processor.
 */
export function rememberBriefly<T>(
  make: () => T,
  options: { keepMs: number; clock: Clock },
): () => T {
  const memory = new BriefMemory<T>(options);
  return () => memory.get("", make);
}

/** The same for several results, each with a name; there must be few names. */
export class BriefMemory<T> {
  readonly #kept = new Map<string, { value: T; untilMs: number }>();

  constructor(private readonly options: { keepMs: number; clock: Pick<Clock, "monotonicMs"> }) {}

  get(name: string, make: () => T): T {
    const { keepMs, clock } = this.options;
    const startMs = clock.monotonicMs();
    const kept = this.#kept.get(name);
    if (kept !== undefined && startMs < kept.untilMs) return kept.value;
    const value = make();
    const endMs = clock.monotonicMs();
    const untilMs = endMs + Math.max(keepMs, (endMs - startMs) / share);
    this.#kept.set(name, { value, untilMs });
    return value;
  }
}
