import { SingleBar } from "cli-progress";
import { systemClock } from "../runtime/clock.ts";
import { isWatched } from "../runtime/terminal.ts";
import { grouped, writeNote } from "./print.ts";

/** How far a long command is: a bar with rate and ETA on a terminal, lines elsewhere. */
export interface Progress {
  /** `done` of the total's unit; `count` is what the rate is told of; `note` stands behind. */
  update(done: number, count: number, note?: string): void;
  end(): void;
}

const lineEveryMs = 5_000;
const barEveryMs = 100;

export function startProgress(options: {
  label: string;
  /** What is counted, in the plural. */
  noun: string;
  /** Null where nobody knows. */
  total: number | null;
  isQuiet: boolean;
}): Progress {
  if (options.isQuiet) return { update: () => undefined, end: () => undefined };
  return isWatched() ? barProgress(options) : lineProgress(options);
}

interface Shown {
  label: string;
  noun: string;
  total: number | null;
}

function barProgress(shown: Shown): Progress {
  const known = shown.total === null ? "" : " {bar} {percentage}% | ETA {left}";
  const bar = new SingleBar({
    format: `${shown.label}${known} | {count} ${shown.noun} | {rate}/s{note}`,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
  });
  const startedMs = systemClock.monotonicMs();
  let shownMs = 0;
  bar.start(shown.total ?? 1, 0, { count: "0", rate: "–", left: "–", note: "" });
  return {
    update: (done, count, note = "") => {
      const nowMs = systemClock.monotonicMs();
      if (nowMs - shownMs < barEveryMs) return;
      shownMs = nowMs;
      const seconds = (nowMs - startedMs) / 1_000;
      bar.update(shown.total === null ? 0 : Math.min(done, shown.total), {
        count: grouped(count),
        rate: rateText(count, seconds),
        left: leftText(shown.total, done, seconds),
        note: note === "" ? "" : ` | ${note}`,
      });
    },
    end: () => bar.stop(),
  };
}

function lineProgress(shown: Shown): Progress {
  const startedMs = systemClock.monotonicMs();
  let lineMs = startedMs;
  return {
    update: (done, count, note = "") => {
      const nowMs = systemClock.monotonicMs();
      if (nowMs - lineMs < lineEveryMs) return;
      lineMs = nowMs;
      const seconds = (nowMs - startedMs) / 1_000;
      const share = shown.total === null ? "" : `${Math.floor((100 * done) / shown.total)}%, `;
      const left = leftText(shown.total, done, seconds);
      const rate = rateText(count, seconds);
      const how = [`${rate}/s`, `${left} left`, ...(note === "" ? [] : [note])].join(", ");
      writeNote(`${shown.label}: ${share}${grouped(count)} ${shown.noun}, ${how}`);
    },
    end: () => undefined,
  };
}

function rateText(count: number, seconds: number): string {
  return seconds > 0 ? grouped(Math.round(count / seconds)) : "–";
}

function leftText(total: number | null, done: number, seconds: number): string {
  if (total === null || done <= 0) return "–";
  const left = Math.max(0, Math.round((seconds * (total - done)) / done));
  return left < 60 ? `${left}s` : `${Math.floor(left / 60)}m ${left % 60}s`;
}
