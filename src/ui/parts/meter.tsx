import type { Tone } from "./badge.tsx";

/** A share of 100 as a bar; the number stands beside it. */
export function Meter(props: { percent: number; tone: Tone; label: string }) {
  const percent = Math.min(100, Math.max(0, props.percent));
  return (
    <span
      class={`meter ${props.tone}`}
      role="img"
      aria-label={`${props.label}: ${Math.round(percent)} of 100`}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  );
}

/** How far a long work is. */
export function ProgressBar(props: { percent: number; label: string; tone?: Tone }) {
  const percent = Math.min(100, Math.max(0, props.percent));
  return (
    <div
      class={`progress ${props.tone ?? "good"}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}
