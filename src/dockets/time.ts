/**
 * Unix ms of `YYYY-MM-DDTHH:mm:ss.sssZ`; null for every other spelling and for days that are none.
 * Read by hand because it stands twice in every transaction, and `Date.parse` takes more spellings.
 */
export function timeMsOf(text: string): number | null {
  if (text.length !== 24 || !hasMarks(text)) return null;
  const year = numberAt(text, 0, 4);
  const month = numberAt(text, 5, 2);
  const day = numberAt(text, 8, 2);
  const hour = numberAt(text, 11, 2);
  const minute = numberAt(text, 14, 2);
  const second = numberAt(text, 17, 2);
  const ms = numberAt(text, 20, 3);
  // -1 is "not a number" and fits in none of the ranges.
  if (year < 0 || ms < 0 || hour < 0 || hour > 23) return null;
  if (minute < 0 || minute > 59 || second < 0 || second > 59) return null;
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return null;
  // Date.UTC takes the years 0 to 99 for 1900 to 1999. Any 400 years have the same number of days.
  return Date.UTC(year + 400, month - 1, day, hour, minute, second, ms) - msOf400Years;
}

const msOf400Years = 146_097 * 86_400_000;

function hasMarks(text: string): boolean {
  return (
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a &&
    text.charCodeAt(19) === 0x2e &&
    text.charCodeAt(23) === 0x5a
  );
}

function numberAt(text: string, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
