import type { SimClock } from "../support/sim-clock.ts";

/** An answer: its frames go one after the other. */
interface Answer {
  frames: { bytesLeft: number; sent: (atMs: number) => void }[];
  signal: AbortSignal;
}

const chunkBytes = 16 * 1_024;

/** A source's line: so many bytes a second, shared by the answers under way, and a way to go. */
export class SimLine {
  readonly #answers: Answer[] = [];
  #isBusy = false;
  /** All that it carried. */
  bytes = 0;

  constructor(
    private readonly clock: SimClock,
    readonly road: { bytesPerSecond: number; roundTripMs: number },
  ) {}

  /** For each frame when its last byte has left, ms; it is there half a round trip later. */
  send(frames: readonly number[], signal: AbortSignal): Promise<number>[] {
    const answer: Answer = { frames: [], signal };
    const sent = frames.map(
      (bytesLeft) =>
        new Promise<number>((resolve) => answer.frames.push({ bytesLeft, sent: resolve })),
    );
    this.#answers.push(answer);
    if (!this.#isBusy) void this.#carry();
    return sent;
  }

  /** A piece of each in turn. */
  async #carry(): Promise<void> {
    this.#isBusy = true;
    for (let one = this.#answers.shift(); one !== undefined; one = this.#answers.shift()) {
      const [frame] = one.frames;
      if (frame === undefined || one.signal.aborted) {
        for (const left of one.frames) left.sent(0);
        continue;
      }
      const bytes = Math.min(chunkBytes, frame.bytesLeft);
      await this.clock.sleep((bytes * 1_000) / this.road.bytesPerSecond);
      this.bytes += bytes;
      frame.bytesLeft -= bytes;
      if (frame.bytesLeft === 0) {
        frame.sent(this.clock.monotonicMs());
        one.frames.shift();
      }
      this.#answers.push(one);
    }
    this.#isBusy = false;
  }
}
