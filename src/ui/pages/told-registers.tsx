import { useState } from "preact/hooks";
import { call } from "../net/call.ts";
import type { Register } from "../net/node-state.ts";
import { Badge } from "../parts/badge.tsx";
import { Empty } from "../parts/card.tsx";
import { ask } from "../parts/dialog.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { hrefOf } from "../router.ts";
import { shown } from "../words/foreign.ts";
import { plural } from "../words/numbers.ts";

/** Which registers peers hear of, for many of them at once. */
export function ToldRegisters(props: { registers: readonly Register[]; search: string }) {
  const [changes, setChanges] = useState<ReadonlyMap<string, boolean>>(new Map());
  const text = props.search.trim().toLowerCase();
  const rows = props.registers.filter(
    (one) => one.registerId.toLowerCase().includes(text) || one.name.toLowerCase().includes(text),
  );
  const isTold = (one: Register) => changes.get(one.registerId) ?? one.isAdvertised;
  const set = (ones: readonly Register[], isWanted: boolean) => {
    const next = new Map(changes);
    for (const one of ones) {
      next.delete(one.registerId);
      if (one.isAdvertised !== isWanted) next.set(one.registerId, isWanted);
    }
    setChanges(next);
  };
  const open = rows.filter((one) => one.isPublic);
  const forget = () => setChanges(new Map());
  return (
    <>
      <div class="toolbar inside">
        <button type="button" class="button small" onClick={() => set(open, true)}>
          All public ones
        </button>
        <button type="button" class="button small" onClick={() => set(rows, false)}>
          None
        </button>
        <span class="muted small toolbar-count">
          {changes.size === 0 ? "no change yet" : plural(changes.size, "change")}
        </span>
        <button type="button" class="button small" disabled={changes.size === 0} onClick={forget}>
          Undo
        </button>
        <button
          type="button"
          class="button small primary"
          disabled={changes.size === 0}
          onClick={() => askBulkAdvertise(changes, forget)}
        >
          Save
        </button>
      </div>
      <Table
        label="Which registers peers hear of"
        rows={rows}
        columns={columnsOf({ isTold, set })}
        keyOf={(one) => one.registerId}
        sortBy="name"
        empty={<Empty icon="registers" title="No register here matches." />}
      />
    </>
  );
}

function askBulkAdvertise(changes: ReadonlyMap<string, boolean>, done: () => void): void {
  const all = [...changes];
  const shownCount = all.filter(([, isShown]) => isShown).length;
  const hiddenCount = all.length - shownCount;
  ask({
    title: "Change what peers hear",
    text: `Peers will hear of ${plural(shownCount, "more register")} and no longer of ${plural(hiddenCount, "register")}. Copies that they have stay theirs.`,
    action: "Save",
    run: async () => {
      const advertisements = all.map(([registerId, isPublic]) => ({ registerId, isPublic }));
      const { ignored } = await call("bulkAdvertise", { body: { advertisements } });
      done();
      const left =
        ignored.length === 0 ? "" : ` ${plural(ignored.length, "private one")} left out.`;
      return `${plural(all.length - ignored.length, "register")} changed.${left}`;
    },
  });
}

function columnsOf(desk: {
  isTold: (one: Register) => boolean;
  set: (ones: readonly Register[], isWanted: boolean) => void;
}): Column<Register>[] {
  return [
    {
      key: "name",
      title: "Register",
      share: 4,
      narrow: "main",
      cell: (one) => (
        <a class="two-lines" href={hrefOf(["registers", one.registerId])}>
          <Foreign text={one.name === "" ? "no name" : one.name} max={60} class="cell-name" />
          <span class="muted small">
            <Id id={one.registerId} max={22} />
          </span>
        </a>
      ),
      order: (left, right) => (left.name.toLowerCase() < right.name.toLowerCase() ? -1 : 1),
    },
    {
      key: "access",
      title: "Access",
      share: 1.4,
      narrow: "sub",
      cell: (one) => (
        <Badge tone={one.isPublic ? "plain" : "info"}>{one.isPublic ? "public" : "private"}</Badge>
      ),
      order: (left, right) => Number(right.isPublic) - Number(left.isPublic),
    },
    {
      key: "told",
      title: "Peers hear of it",
      share: 1.6,
      narrow: "side",
      cell: (one) => (
        <label class="check">
          <input
            type="checkbox"
            checked={desk.isTold(one)}
            disabled={!one.isPublic}
            aria-label={`Peers hear of ${shown(one.name, 60)}`}
            onChange={(event) => desk.set([one], event.currentTarget.checked)}
          />
          <span>
            {one.isPublic ? (desk.isTold(one) ? "everybody" : "nobody") : "its readers only"}
          </span>
        </label>
      ),
    },
  ];
}
