import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { useRowKeys } from "./row-keys.ts";
import { isNarrow, useVisibleRows } from "./visible-rows.ts";

export interface Column<T> {
  key: string;
  title: string;
  /** Of the table's width, as a share of all. */
  share: number;
  cell: (row: T) => ComponentChildren;
  /** Lowest first. */
  order?: (left: T, right: T) => number;
  isNumber?: boolean;
  /** On a narrow screen: the first line's start or end, the second line, or left out. */
  narrow: "main" | "side" | "sub" | "none";
}

export interface TableProps<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string;
  /** Where a row leads; its first column becomes the link. */
  hrefOf?: (row: T) => string;
  /** Key of the column that orders at first; with a minus, from the highest. */
  sortBy?: string;
  /** Instead of rows. */
  empty: ComponentChildren;
}

const rowHeight = { wide: 44, narrow: 76 };

/**
 * A table of any length: only the rows near the screen exist. Ordered by a click on a column's
 * head, walked through by arrow keys, two lines a row where the screen is narrow.
 */
export function Table<T>(props: TableProps<T>) {
  const { rows, columns, keyOf, hrefOf } = props;
  const [sortBy, setSortBy] = useState(props.sortBy ?? "");
  const sorted = useMemo(() => inOrder(rows, columns, sortBy), [rows, columns, sortBy]);
  const body = useRef<HTMLTableSectionElement>(null);
  const height = isNarrow.value ? rowHeight.narrow : rowHeight.wide;
  const { first, last } = useVisibleRows(body, { count: sorted.length, height });
  const onKeyDown = useRowKeys(body, { count: sorted.length, height });
  if (rows.length === 0) return <>{props.empty}</>;
  const shares = columns.reduce((sum, column) => sum + column.share, 0);
  return (
    <>
      <NarrowSort columns={columns} sortBy={sortBy} onSort={setSortBy} />
      <table class="table" aria-label={props.label} aria-rowcount={sorted.length + 1}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} style={{ width: `${(column.share / shares) * 100}%` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.key} column={column} sortBy={sortBy} onSort={setSortBy} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={onKeyDown}>
          <Gap height={first * height} />
          {sorted.slice(first, last).map((row, index) => (
            <tr
              key={keyOf(row)}
              data-row={first + index}
              aria-rowindex={first + index + 2}
              style={{ height: `${height}px` }}
            >
              {columns.map((column, at) => (
                <td
                  key={column.key}
                  class={`${column.isNumber ? "number" : ""} narrow-${column.narrow}`}
                  data-title={column.title}
                >
                  {at === 0 && hrefOf !== undefined ? (
                    <a class="row-link" href={hrefOf(row)}>
                      {column.cell(row)}
                    </a>
                  ) : (
                    column.cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
          <Gap height={(sorted.length - last) * height} />
        </tbody>
      </table>
    </>
  );
}

/** Stands for the rows that are not there. */
function Gap(props: { height: number }) {
  return props.height <= 0 ? null : (
    <tr class="gap">
      <td style={{ height: `${props.height}px` }} />
    </tr>
  );
}

function Head<T>(props: { column: Column<T>; sortBy: string; onSort: (sortBy: string) => void }) {
  const { column, sortBy } = props;
  const isSorted = sortBy.replace(/^-/, "") === column.key;
  const isDown = isSorted && sortBy.startsWith("-");
  const direction = isDown ? "descending" : "ascending";
  const next = isSorted && !isDown ? `-${column.key}` : column.key;
  const title = column.title === "" ? <span class="sr-only">Actions</span> : column.title;
  return (
    <th
      scope="col"
      class={column.isNumber ? "number" : ""}
      aria-sort={isSorted ? direction : "none"}
    >
      {column.order === undefined ? (
        title
      ) : (
        <button type="button" class="sort" onClick={() => props.onSort(next)}>
          {title}
          <span class={`sort-mark ${isSorted ? direction : ""}`}>
            <Icon name="chevron" size={12} />
          </span>
        </button>
      )}
    </th>
  );
}

/** Where there is no room for heads: the same orders in a list. */
function NarrowSort<T>(props: {
  columns: readonly Column<T>[];
  sortBy: string;
  onSort: (sortBy: string) => void;
}) {
  const sortable = props.columns.filter((column) => column.order !== undefined);
  if (sortable.length === 0) return null;
  return (
    <label class="narrow-sort">
      Sorted by
      <select value={props.sortBy} onChange={(event) => props.onSort(event.currentTarget.value)}>
        {props.sortBy === "" ? <option value="">as told</option> : null}
        {sortable.flatMap(({ key, title }) => [
          <option key={key} value={key}>
            {title}, lowest first
          </option>,
          <option key={`-${key}`} value={`-${key}`}>
            {title}, highest first
          </option>,
        ])}
      </select>
    </label>
  );
}

function inOrder<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  sortBy: string,
): readonly T[] {
  const order = columns.find((column) => column.key === sortBy.replace(/^-/, ""))?.order;
  if (order === undefined) return rows;
  return sortBy.startsWith("-")
    ? rows.toSorted((left, right) => order(right, left))
    : rows.toSorted(order);
}
