import { useMemo } from "preact/hooks";
import { available, registers, subscriptions } from "../net/node-state.ts";
import { Card, Empty, Fault, Loading } from "../parts/card.tsx";
import { Icon } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useResource } from "../parts/resource-view.ts";
import { SearchBox } from "../parts/search-box.tsx";
import { Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { hrefOf, place, replaceQuery } from "../router.ts";
import { grouped, plural } from "../words/numbers.ts";
import { askImport } from "./import-order.tsx";
import { askCreate } from "./own-register-orders.tsx";
import { Queue } from "./queue.tsx";
import { availableColumns, hereColumns } from "./register-columns.tsx";
import { mergeRegisters, type RegisterEntry } from "./register-entries.ts";
import { askSubscribeById } from "./register-orders.tsx";
import { ToldRegisters } from "./told-registers.tsx";

const views = ["here", "available", "told", "queue"] as const;
type Shown = (typeof views)[number];

/** What is here and followed, and what could be. */
export function RegistersPage() {
  const held = useResource(registers);
  const followed = useResource(subscriptions);
  const told = useResource(available);
  const { query } = place.value;
  const text = query.get("search") ?? "";
  const shown = views.find((view) => view === query.get("show")) ?? "here";
  const entries = useMemo(
    () =>
      held.value === null || followed.value === null || told.value === null
        ? null
        : mergeRegisters(held.value, { followed: followed.value, told: told.value }),
    [held.value, followed.value, told.value],
  );
  const error = held.error ?? followed.error ?? told.error;
  const here = entries?.filter((entry) => entry.isHere) ?? [];
  const others = entries?.filter((entry) => entry.available !== null) ?? [];
  const change = (next: Record<string, string>) =>
    replaceQuery({ search: text, show: shown === "here" ? "" : shown, ...next });
  return (
    <>
      <PageHead
        name="Registers"
        title="Registers"
        note={
          entries === null ? null : (
            <span>
              {plural(here.length, "register")} here, {grouped(others.length)} told of by peers
            </span>
          )
        }
        actions={<Orders />}
      />
      <div class="toolbar">
        <SearchBox
          label="Search by name or id"
          value={text}
          onInput={(search) => change({ search })}
        />
        <Tabs
          label="Which registers"
          value={shown}
          onChange={(value: Shown) => change({ show: value === "here" ? "" : value })}
          tabs={[
            { value: "here", label: "Here" },
            { value: "available", label: "Available" },
            { value: "told", label: "Told to peers" },
            { value: "queue", label: "To be sealed" },
          ]}
        />
      </div>
      {error !== null && entries === null ? <Fault message={error.message} /> : null}
      <Card title={<span class="sr-only">List of registers</span>} isFlush class="headless">
        {entries === null ? <Loading lines={8} /> : null}
        {entries !== null && shown === "here" ? <HereTable entries={here} text={text} /> : null}
        {entries !== null && shown === "available" ? (
          <AvailableTable entries={others} text={text} />
        ) : null}
        {held.value !== null && shown === "told" ? (
          <ToldRegisters registers={held.value} search={text} />
        ) : null}
        {shown === "queue" ? <Queue /> : null}
      </Card>
    </>
  );
}

function Orders() {
  return (
    <>
      <button type="button" class="button" onClick={askSubscribeById}>
        Subscribe by id
      </button>
      <button type="button" class="button" onClick={() => askImport(null)}>
        Import
      </button>
      <button type="button" class="button primary" onClick={askCreate}>
        <Icon name="plus" size={16} /> Create register
      </button>
    </>
  );
}

interface ListProps {
  entries: readonly RegisterEntry[];
  text: string;
}

function HereTable({ entries, text }: ListProps) {
  return (
    <Table
      label="Registers here"
      rows={matching(entries, text)}
      columns={hereColumns}
      keyOf={(entry) => entry.registerId}
      hrefOf={(entry) => hrefOf(["registers", entry.registerId])}
      sortBy="name"
      empty={entries.length > 0 ? <NoMatch /> : <NothingHere />}
    />
  );
}

function AvailableTable({ entries, text }: ListProps) {
  return (
    <Table
      label="Registers that peers tell of"
      rows={matching(entries, text)}
      columns={availableColumns}
      keyOf={(entry) => entry.registerId}
      hrefOf={(entry) => hrefOf(["registers", entry.registerId])}
      sortBy="name"
      empty={entries.length > 0 ? <NoMatch /> : <NothingAvailable />}
    />
  );
}

function NoMatch() {
  return (
    <Empty icon="search" title="No register matches.">
      Clear the search.
    </Empty>
  );
}

function NothingHere() {
  return (
    <Empty icon="registers" title="No register is here yet.">
      <a href="#/registers?show=available">See what peers have</a>, or create one that this node
      seals, or import a file of records into a new one.
    </Empty>
  );
}

function NothingAvailable() {
  return (
    <Empty icon="registers" title="No peer tells of a register.">
      That takes a connection first: <a href="#/peers">see the peers</a>. Private registers are told
      to their readers only.
    </Empty>
  );
}

function matching(entries: readonly RegisterEntry[], search: string): RegisterEntry[] {
  const text = search.trim().toLowerCase();
  return entries.filter(
    (entry) =>
      text === "" ||
      entry.registerId.toLowerCase().includes(text) ||
      entry.name.toLowerCase().includes(text),
  );
}
