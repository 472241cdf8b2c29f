import { Badge } from "../parts/badge.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { Meter } from "../parts/meter.tsx";
import type { Column } from "../parts/table.tsx";
import { bytesText, grouped } from "../words/numbers.ts";
import { behind, syncState } from "../words/states.ts";
import type { RegisterEntry } from "./register-entries.ts";
import { askSubscribe } from "./register-orders.tsx";

const nameColumn: Column<RegisterEntry> = {
  key: "name",
  title: "Register",
  share: 3.4,
  narrow: "main",
  cell: (entry) => (
    <span class="two-lines">
      <Foreign text={entry.name === "" ? "no name" : entry.name} max={60} class="cell-name" />
      <span class="muted small">
        <Id id={entry.registerId} max={22} />
      </span>
    </span>
  ),
  order: (left, right) =>
    left.name.toLowerCase() < right.name.toLowerCase() ? -1 : left.name === right.name ? 0 : 1,
};

function stateOf(entry: RegisterEntry) {
  if (entry.subscription !== null) return syncState(entry.subscription);
  if (entry.register?.isOrigin) {
    return { word: "sealed here", tone: "good" as const, meaning: "This node is its origin" };
  }
  return { word: "kept", tone: "plain" as const, meaning: "Stored, and no longer followed" };
}

function lagOf(entry: RegisterEntry): number {
  return entry.subscription === null ? 0 : behind(entry.subscription);
}

export const hereColumns: Column<RegisterEntry>[] = [
  nameColumn,
  {
    key: "state",
    title: "State",
    share: 1.5,
    narrow: "side",
    cell: (entry) => {
      const state = stateOf(entry);
      return (
        <Badge tone={state.tone} title={state.meaning}>
          {state.word}
        </Badge>
      );
    },
    order: (left, right) => (stateOf(left).word < stateOf(right).word ? -1 : 1),
  },
  {
    key: "progress",
    title: "Progress",
    share: 1.8,
    narrow: "none",
    cell: (entry) => <Progress entry={entry} />,
    order: (left, right) => lagOf(right) - lagOf(left),
  },
  {
    key: "docket",
    title: "Head",
    share: 1.1,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => (entry.register === null ? "–" : grouped(entry.register.headDocketNumber)),
    order: (left, right) =>
      (left.register?.headDocketNumber ?? -1) - (right.register?.headDocketNumber ?? -1),
  },
  {
    key: "transactions",
    title: "Records",
    share: 1.3,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => grouped(entry.register?.transactionCount ?? 0),
    order: (left, right) =>
      (left.register?.transactionCount ?? 0) - (right.register?.transactionCount ?? 0),
  },
  {
    key: "bytes",
    title: "Size",
    share: 1.1,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => bytesText(entry.register?.bytes ?? 0),
    order: (left, right) => (left.register?.bytes ?? 0) - (right.register?.bytes ?? 0),
  },
  {
    key: "sources",
    title: "Sources",
    share: 1,
    narrow: "none",
    isNumber: true,
    cell: (entry) => grouped(entry.available?.peerCount ?? 0),
    order: (left, right) => (left.available?.peerCount ?? 0) - (right.available?.peerCount ?? 0),
  },
];

function Progress(props: { entry: RegisterEntry }) {
  const { subscription } = props.entry;
  if (subscription === null) return <span class="muted">–</span>;
  const held = (subscription.lastSyncedDocketVersion ?? -1) + 1;
  const total = Math.max(held, subscription.totalDocketsInChain);
  const percent = total === 0 ? 0 : (held / total) * 100;
  const tone = subscription.syncState === "Error" ? "bad" : "good";
  return (
    <span class="score">
      <Meter percent={percent} tone={tone} label="Progress" />
      <span class="score-number">{Math.floor(percent)} %</span>
    </span>
  );
}

export const availableColumns: Column<RegisterEntry>[] = [
  nameColumn,
  {
    key: "description",
    title: "Description",
    share: 2.6,
    narrow: "none",
    cell: (entry) => (
      <span class="muted cell-name">
        <Foreign text={entry.available?.description ?? ""} max={90} />
      </span>
    ),
  },
  {
    key: "docket",
    title: "Head",
    share: 1,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => grouped(entry.available?.latestDocketVersion ?? 0),
    order: (left, right) =>
      (left.available?.latestDocketVersion ?? 0) - (right.available?.latestDocketVersion ?? 0),
  },
  {
    key: "peers",
    title: "Peers",
    share: 0.9,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => grouped(entry.available?.peerCount ?? 0),
    order: (left, right) => (left.available?.peerCount ?? 0) - (right.available?.peerCount ?? 0),
  },
  {
    key: "replicas",
    title: "Whole",
    share: 0.9,
    narrow: "sub",
    isNumber: true,
    cell: (entry) => grouped(entry.available?.fullReplicaPeerCount ?? 0),
  },
  {
    key: "do",
    title: "",
    share: 1.5,
    narrow: "side",
    isNumber: true,
    cell: (entry) =>
      entry.isHere ? (
        <Badge tone={stateOf(entry).tone}>{stateOf(entry).word}</Badge>
      ) : (
        <button type="button" class="button small" onClick={() => askSubscribe(entry.registerId)}>
          Subscribe
        </button>
      ),
  },
];
