import { useState } from "preact/hooks";
import { call, callWithTotal } from "../net/call.ts";
import { isSignedIn, token } from "../net/session.ts";
import type { Answer } from "../net/ways.ts";
import { Badge } from "../parts/badge.tsx";
import { Empty, Fault, Loading } from "../parts/card.tsx";
import { ask } from "../parts/dialog.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { nowMs } from "../parts/now.ts";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { type Column, Table } from "../parts/table.tsx";
import { hrefOf } from "../router.ts";
import { shortId } from "../words/foreign.ts";
import { agoText, bytesText, grouped, plural } from "../words/numbers.ts";

type Row = Answer<"listQueue">["transactions"][number];

const pageRows = 500;

/** What was submitted here and is in no docket yet; what was given up comes first. */
export function Queue() {
  return isSignedIn.value ? (
    <QueueTable />
  ) : (
    <Empty icon="lock" title="What waits to be sealed is for operators.">
      <a href="#/settings">Enter a token</a>
    </Empty>
  );
}

function QueueTable() {
  const [offset, setOffset] = useState(0);
  const asked = useOwnResource(`queue ${offset} ${token.value}`, () =>
    callWithTotal("listQueue", { query: { limit: pageRows, offset } }),
  );
  const { value, error } = useResource(asked);
  if (value === null)
    return error === null ? <Loading lines={6} /> : <Fault message={error.message} />;
  const { waiting, dead, transactions } = value.body;
  const total = waiting + dead;
  return (
    <>
      <div class="toolbar inside">
        <span>
          <strong>{grouped(waiting)}</strong> waiting to be sealed
        </span>
        <span class={dead > 0 ? "tone-bad" : ""}>
          <strong>{grouped(dead)}</strong> given up
        </span>
      </div>
      <Table
        label="Transactions that no docket holds yet"
        rows={transactions}
        columns={columns}
        keyOf={(row) => `${row.registerId} ${row.transactionId}`}
        empty={
          <Empty icon="check" title="Nothing waits.">
            Everything that was submitted here is in a docket.
          </Empty>
        }
      />
      {total <= pageRows ? null : (
        <div class="pager">
          <button
            type="button"
            class="button small"
            disabled={offset === 0}
            onClick={() => setOffset(Math.max(0, offset - pageRows))}
          >
            Before
          </button>
          <span class="muted small">
            {grouped(offset + 1)} to {grouped(offset + transactions.length)} of {grouped(total)}
          </span>
          <button
            type="button"
            class="button small"
            disabled={offset + pageRows >= total}
            onClick={() => setOffset(offset + pageRows)}
          >
            After
          </button>
        </div>
      )}
    </>
  );
}

function askRetry({ registerId, transactionId }: Row): void {
  ask({
    title: "Try again",
    text: (
      <p>
        Transaction <Id id={transactionId} max={24} /> goes to the register’s validators again, as
        often as a new one.
      </p>
    ),
    action: "Try again",
    run: async () => {
      await call("retryQueued", { params: { registerId, transactionId } });
      return `${shortId(transactionId)} waits again.`;
    },
  });
}

function askDrop({ registerId, transactionId }: Row): void {
  ask({
    title: "Drop for good",
    text: (
      <p>
        Transaction <Id id={transactionId} max={24} /> is removed from this node. Whoever submitted
        it is not told.
      </p>
    ),
    action: "Drop",
    isDangerous: true,
    run: async () => {
      await call("dropQueued", { params: { registerId, transactionId } });
      return `${shortId(transactionId)} was dropped.`;
    },
  });
}

function nextText(row: Row): string {
  if (row.state === "dead") return `given up after ${plural(row.attempts, "attempt")}`;
  const attempts = row.attempts === 0 ? "" : `${plural(row.attempts, "attempt")}, `;
  const next = row.nextAttemptAt === null ? "now" : agoText(row.nextAttemptAt, nowMs.value);
  return `${attempts}next ${next}`;
}

const columns: Column<Row>[] = [
  {
    key: "transaction",
    title: "Transaction",
    share: 2,
    narrow: "main",
    cell: (row) => <Id id={row.transactionId} max={16} />,
  },
  {
    key: "register",
    title: "Register",
    share: 1.8,
    narrow: "sub",
    cell: (row) => (
      <a href={hrefOf(["registers", row.registerId])}>
        <Id id={row.registerId} max={14} />
      </a>
    ),
  },
  {
    key: "state",
    title: "State",
    share: 1.5,
    narrow: "side",
    cell: (row) => (
      <Badge tone={row.state === "dead" ? "bad" : "info"}>
        {row.state === "dead" ? "given up" : "waiting"}
      </Badge>
    ),
    order: (left, right) => (left.state < right.state ? -1 : 1),
  },
  {
    key: "why",
    title: "Why",
    share: 3,
    narrow: "none",
    cell: (row) => (
      <span class="two-lines">
        <span>{nextText(row)}</span>
        <Foreign text={row.lastError ?? ""} max={160} class="muted small" />
      </span>
    ),
  },
  {
    key: "bytes",
    title: "Size",
    share: 1,
    narrow: "sub",
    isNumber: true,
    cell: (row) => bytesText(row.bytes),
    order: (left, right) => left.bytes - right.bytes,
  },
  {
    key: "queued",
    title: "Since",
    share: 1.2,
    narrow: "sub",
    isNumber: true,
    cell: (row) => agoText(row.queuedAt, nowMs.value),
    order: (left, right) => (left.queuedAt < right.queuedAt ? -1 : 1),
  },
  {
    key: "orders",
    title: "",
    share: 2.7,
    narrow: "sub",
    isNumber: true,
    cell: (row) =>
      row.state === "waiting" ? null : (
        <span class="row-actions">
          <button type="button" class="button small" onClick={() => askRetry(row)}>
            Try again
          </button>
          <button type="button" class="button small danger" onClick={() => askDrop(row)}>
            Drop
          </button>
        </span>
      ),
  },
];
