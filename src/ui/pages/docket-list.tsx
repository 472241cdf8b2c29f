import { useRef, useState } from "preact/hooks";
import { call } from "../net/call.ts";
import type { Answer } from "../net/ways.ts";
import { Card, Fault, Loading } from "../parts/card.tsx";
import { Id } from "../parts/foreign.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { type Column, Table } from "../parts/table.tsx";
import { goTo, hrefOf } from "../router.ts";
import { bytesText, dateTimeText, grouped } from "../words/numbers.ts";

type Register = Answer<"getRegister">;
type Row = Answer<"listDockets">[number];

const pageRows = 10;

/** A register's dockets, the newest first, and the way to any of them or to a transaction. */
export function DocketList(props: { register: Register }) {
  const { register } = props;
  const { registerId, headDocketNumber, firstDocketNumber } = register;
  /** The highest number shown; null: the newest, as it moves. */
  const [top, setTop] = useState<number | null>(null);
  const last = top ?? headDocketNumber;
  const first = Math.max(firstDocketNumber, last - pageRows + 1);
  const asked = useOwnResource(`${registerId} ${first} ${last}`, () =>
    call("listDockets", { params: { registerId }, query: { from: first, limit: pageRows } }),
  );
  const { value: fresh, error } = useResource(asked);
  // While the next ones are on their way, the last ones stay: a head that moves moves nothing else.
  const lastShown = useRef<Row[] | null>(null);
  lastShown.current = fresh ?? lastShown.current;
  const value = lastShown.current;
  const rows = (value ?? []).filter((row) => row.docketNumber <= last).toReversed();
  return (
    <Card title="Dockets" aside={<Search registerId={registerId} />} isFlush>
      {error !== null && value === null ? <Fault message={error.message} /> : null}
      {value === null && error === null ? <Loading lines={8} /> : null}
      {value === null ? null : (
        <Table
          label="Dockets"
          rows={rows}
          columns={columns}
          keyOf={(row) => String(row.docketNumber)}
          hrefOf={(row) => hrefOf(["registers", registerId, "dockets", row.docketNumber])}
          empty={null}
        />
      )}
      <div class="pager">
        <button
          type="button"
          class="button small"
          disabled={last >= headDocketNumber}
          onClick={() => setTop(null)}
        >
          Newest
        </button>
        <button
          type="button"
          class="button small"
          disabled={last >= headDocketNumber}
          onClick={() => setTop(Math.min(headDocketNumber, last + pageRows))}
        >
          Newer
        </button>
        <span class="muted small">
          {grouped(first)} to {grouped(last)} of {grouped(headDocketNumber)}
        </span>
        <button
          type="button"
          class="button small"
          disabled={first <= firstDocketNumber}
          onClick={() => setTop(first - 1)}
        >
          Older
        </button>
        <button
          type="button"
          class="button small"
          disabled={first <= firstDocketNumber}
          onClick={() => setTop(Math.min(headDocketNumber, firstDocketNumber + pageRows - 1))}
        >
          First
        </button>
      </div>
    </Card>
  );
}

/** A number leads to a docket, anything else to a transaction. */
function Search(props: { registerId: string }) {
  const [text, setText] = useState("");
  const go = (event: Event) => {
    event.preventDefault();
    const wanted = text.trim().replaceAll(",", "");
    if (wanted === "") return;
    const kind = /^\d{1,15}$/.test(wanted) ? "dockets" : "transactions";
    goTo(hrefOf(["registers", props.registerId, kind, wanted]));
  };
  return (
    <form class="jump" onSubmit={go}>
      <label class="sr-only" for="jump">
        Docket number or transaction id
      </label>
      <input
        id="jump"
        type="text"
        placeholder="Docket number or transaction id"
        value={text}
        maxLength={255}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button small">
        Go
      </button>
    </form>
  );
}

const columns: Column<Row>[] = [
  {
    key: "number",
    title: "Docket",
    share: 1,
    narrow: "main",
    cell: (row) => grouped(row.docketNumber),
  },
  {
    key: "hash",
    title: "Hash",
    share: 2.4,
    narrow: "sub",
    cell: (row) => <Id id={row.docketHash} max={20} />,
  },
  {
    key: "transactions",
    title: "Transactions",
    share: 1.3,
    narrow: "side",
    isNumber: true,
    cell: (row) => grouped(row.transactionCount),
  },
  {
    key: "bytes",
    title: "Size",
    share: 1.1,
    narrow: "none",
    isNumber: true,
    cell: (row) => bytesText(row.bytes),
  },
  {
    key: "at",
    title: "Sealed at",
    share: 2,
    narrow: "sub",
    isNumber: true,
    cell: (row) => dateTimeText(row.createdAt),
  },
];
