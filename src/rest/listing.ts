/** One page of what matches, in the order asked for; the header says how many match. */
export function pageOf<T, Name extends string>(
  rows: readonly T[],
  asked: {
    limit: number;
    offset: number;
    /** A leading minus turns the order round. */
    sort: Name | `-${Name}`;
    orders: Readonly<Record<Name, (left: T, right: T) => number>>;
  },
): { rows: T[]; headers: Record<string, string> } {
  const isReversed = asked.sort.startsWith("-");
  const order = asked.orders[asked.sort.replace(/^-/, "") as Name];
  const sorted = rows.toSorted((left, right) =>
    isReversed ? order(right, left) : order(left, right),
  );
  return {
    rows: sorted.slice(asked.offset, asked.offset + asked.limit),
    headers: { "x-total-count": String(rows.length) },
  };
}

/** Code points, not a language's rules: the same everywhere. */
export function byText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Whether the search is in one of the texts, whatever the case. */
export function mentions(search: string | undefined, texts: readonly (string | null)[]): boolean {
  if (search === undefined) return true;
  const wanted = search.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted));
}
