/** Numbers, amounts and times as people read them. All in one place, all alike everywhere. */

// Made once: each `toLocaleString` makes one of its own, which costs more than a row of a table.
const groups = new Intl.NumberFormat("en");
const clocks = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export function grouped(value: number): string {
  return groups.format(Math.round(value));
}

/** `1,234` · `12.3 k` · `4.5 M`: for tiles and axes. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 999_500) return `${(value / 1_000_000).toFixed(size >= 9_950_000 ? 0 : 1)} M`;
  if (size >= 9_950) return `${(value / 1_000).toFixed(size >= 99_500 ? 0 : 1)} k`;
  if (size >= 100 || Number.isInteger(value)) return grouped(value);
  return value.toFixed(size >= 10 ? 0 : 1);
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function msText(ms: number): string {
  if (ms <= 0) return "–";
  return ms >= 1_000
    ? `${(ms / 1_000).toFixed(1)} s`
    : `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

/** `2 d 3 h` · `4 min 5 s` · `6 s` */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400)
    return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

/** `12 s ago`; "never" for null. */
export function agoText(iso: string | null, nowMs: number): string {
  if (iso === null) return "never";
  const seconds = (nowMs - Date.parse(iso)) / 1_000;
  if (seconds < -5) return `in ${oneUnit(-seconds)}`;
  return seconds < 3 ? "just now" : `${oneUnit(seconds)} ago`;
}

function oneUnit(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `12:03:04` today, with the day otherwise. In the reader's own time zone. */
export function timeText(time: string | number, nowMs: number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "–";
  const clock = clocks.format(at);
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? clock : `${dayText(at)} ${clock}`;
}

export function dateTimeText(time: string | number): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "–" : `${dayText(at)} ${clocks.format(at)}`;
}

function dayText(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `dd.hh:mm:ss`, as the health report has it, in seconds. */
export function secondsOfUptime(text: string): number {
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = text.split(/[.:]/).map(Number);
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
