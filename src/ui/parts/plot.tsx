import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { isDark } from "../theme.ts";

export interface Line {
  name: string;
  values: readonly (number | null)[];
}

export interface PlotProps {
  /** Said to those who do not look. */
  label: string;
  /** Unix seconds, ascending, for all lines. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** Seconds that the axis spans up to the last time. */
  spanSeconds: number;
}

const height = 148;

/** Lines over time. Drawn on a canvas, with the newest values beside it in words. */
export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const span = useRef(props.spanSeconds);
  span.current = props.spanSeconds;
  const dark = isDark.value;
  // Drawn anew for other colours only.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = new uPlot(settingsOf(props, { element, span }), dataOf(props), element);
    plot.current = made;
    const sizes = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height });
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
    };
  }, [dark, props.lines.length]);
  useEffect(() => {
    plot.current?.setData(dataOf(props));
  }, [props.times, props.lines]);
  return (
    <figure class="plot">
      <figcaption class="plot-legend">
        {props.lines.map((line, index) => {
          const last = line.values.findLast((value) => value !== null);
          return (
            <span key={line.name} class="plot-key">
              <i class={`plot-mark mark-${index + 1}`} aria-hidden="true" />
              {line.name} <b>{last === undefined || last === null ? "–" : props.format(last)}</b>
            </span>
          );
        })}
      </figcaption>
      <div ref={box} class="plot-box" role="img" aria-label={props.label} />
    </figure>
  );
}

function dataOf(props: PlotProps): uPlot.AlignedData {
  return [[...props.times], ...props.lines.map((line) => [...line.values])];
}

function settingsOf(
  props: PlotProps,
  { element, span }: { element: HTMLElement; span: { current: number } },
): uPlot.Options {
  const colour = (name: string) => resolved(element, name);
  const muted = colour("--muted");
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: muted, grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width: element.clientWidth,
    height,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, __, max) => [max - span.current, max] },
      y: { range: (_, __, max) => [0, Math.max(max * 1.15, 1)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 70, values: clockTimes },
      { ...axis, size: 52, space: 34, values: (_, ticks) => ticks.map(props.format) },
    ],
    series: [
      {},
      ...props.lines.map((line, index) => ({
        label: line.name,
        stroke: colour(`--plot-${index + 1}`),
        width: 1.6,
        ...(index === 0
          ? { fill: `${colour("--plot-1").replace(")", " / 12%)")}` }
          : { dash: [5, 3] }),
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

function clockTimes(_: uPlot, ticks: number[]): string[] {
  return ticks.map((tick) => new Date(tick * 1_000).toLocaleTimeString("en-GB").slice(0, 5));
}

/** A canvas knows no variables: the browser is asked what one comes to, as `rgb(1 2 3)`. */
function resolved(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const value = getComputedStyle(element).color;
  element.style.color = before;
  const [red, green, blue] = value.match(/\d+(\.\d+)?/g) ?? ["0", "0", "0"];
  return `rgb(${red} ${green} ${blue})`;
}
