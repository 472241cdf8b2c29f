import { useMemo } from "preact/hooks";
import { type Peer, peers, topology } from "../net/node-state.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Fault, Loading } from "../parts/card.tsx";
import { Foreign } from "../parts/foreign.tsx";
import { Icon } from "../parts/icon.tsx";
import { Meter } from "../parts/meter.tsx";
import { nowMs } from "../parts/now.ts";
import { PageHead } from "../parts/page-head.tsx";
import { useResource } from "../parts/resource-view.ts";
import { SearchBox } from "../parts/search-box.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { hrefOf, place, replaceQuery } from "../router.ts";
import { agoText, grouped, msText, plural } from "../words/numbers.ts";
import { peerState, scoreTone } from "../words/states.ts";
import { askAddPeer } from "./peer-orders.tsx";

const kinds = {
  all: () => true,
  connected: (peer: Peer) => peer.isConnected,
  trouble: (peer: Peer) => peer.failureCount >= 3 || peer.quarantinedUntil !== null,
  banned: (peer: Peer) => peer.isBanned,
  seeds: (peer: Peer) => peer.isSeedNode,
};

type Kind = keyof typeof kinds;

const kindNames: Record<Kind, string> = {
  all: "All",
  connected: "Connected",
  trouble: "In trouble",
  banned: "Banned",
  seeds: "Seeds",
};

/** Everybody that this node knows. */
export function PeersPage() {
  const { value: all, error } = useResource(peers);
  useResource(topology);
  const { query } = place.value;
  const text = query.get("search") ?? "";
  const kind = (query.get("show") ?? "all") as Kind;
  const rows = useMemo(() => matching(all ?? [], { text, kind }), [all, text, kind]);
  const change = (next: { search?: string; show?: string }) =>
    replaceQuery({ search: text, show: kind === "all" ? "" : kind, ...next });
  return (
    <>
      <PageHead
        name="Peers"
        title="Peers"
        note={all === null ? null : <span>{plural(all.length, "peer")} in the book</span>}
        actions={
          <button type="button" class="button primary" onClick={askAddPeer}>
            <Icon name="plus" size={16} /> Add peer
          </button>
        }
      />
      <div class="toolbar">
        <SearchBox
          label="Search by name or address"
          value={text}
          onInput={(search) => change({ search })}
        />
        <Tabs
          label="Which peers"
          value={kind}
          onChange={(show) => change({ show: show === "all" ? "" : show })}
          tabs={(Object.keys(kinds) as Kind[]).map((value) => ({ value, label: kindNames[value] }))}
        />
        <span class="muted small toolbar-count" role="status">
          {all === null ? "" : `${grouped(rows.length)} shown`}
        </span>
      </div>
      {error !== null && all === null ? <Fault message={error.message} /> : null}
      <Card title={<span class="sr-only">List of peers</span>} isFlush class="headless">
        {all === null ? (
          <Loading lines={8} />
        ) : (
          <Table
            label="Peers"
            rows={rows}
            columns={columns}
            keyOf={(peer) => peer.peerId}
            hrefOf={(peer) => hrefOf(["peers", peer.peerId])}
            sortBy="state"
            empty={<NoPeers isFiltered={all.length > 0} />}
          />
        )}
      </Card>
    </>
  );
}

function NoPeers(props: { isFiltered: boolean }) {
  return props.isFiltered ? (
    <Empty icon="search" title="No peer matches.">
      Clear the search or choose All.
    </Empty>
  ) : (
    <Empty icon="peers" title="This node knows nobody yet.">
      Start it with <code>--seed HOST:PORT</code>, or add a peer by its address.
    </Empty>
  );
}

function matching(all: readonly Peer[], wanted: { text: string; kind: Kind }): Peer[] {
  const text = wanted.text.trim().toLowerCase();
  const isKind = kinds[wanted.kind] ?? kinds.all;
  return all.filter(
    (peer) =>
      isKind(peer) &&
      (text === "" ||
        peer.peerId.toLowerCase().includes(text) ||
        `${peer.address}:${peer.port}`.toLowerCase().includes(text)),
  );
}

const stateOrder = ["connected", "quarantined", "failing", "known", "banned"];

const columns: Column<Peer>[] = [
  {
    key: "peer",
    title: "Peer",
    share: 3,
    narrow: "main",
    cell: (peer) => (
      <>
        <Foreign text={peer.peerId} max={48} class="cell-name" />
        {peer.isSeedNode ? <Badge tone="info">seed</Badge> : null}
      </>
    ),
    order: (left, right) => (left.peerId < right.peerId ? -1 : 1),
  },
  {
    key: "state",
    title: "State",
    share: 1.6,
    narrow: "side",
    cell: (peer) => {
      const state = peerState(peer);
      return (
        <Badge tone={state.tone} title={state.meaning}>
          {state.word}
        </Badge>
      );
    },
    order: (left, right) =>
      stateOrder.indexOf(peerState(left).word) - stateOrder.indexOf(peerState(right).word) ||
      right.qualityScore - left.qualityScore,
  },
  {
    key: "address",
    title: "Address",
    share: 2.2,
    narrow: "none",
    cell: (peer) => <Foreign text={`${peer.address}:${peer.port}`} max={48} class="mono small" />,
    order: (left, right) => (left.address < right.address ? -1 : 1),
  },
  {
    key: "score",
    title: "Score",
    share: 1.7,
    narrow: "sub",
    cell: (peer) => <Score peer={peer} />,
    order: (left, right) => left.qualityScore - right.qualityScore,
  },
  {
    key: "latency",
    title: "Latency",
    share: 1.2,
    narrow: "sub",
    isNumber: true,
    cell: (peer) => msText(peer.averageLatencyMs),
    order: (left, right) => left.averageLatencyMs - right.averageLatencyMs,
  },
  {
    key: "registers",
    title: "Registers",
    share: 1.2,
    narrow: "sub",
    isNumber: true,
    cell: (peer) => grouped(peer.advertisedRegisterCount),
    order: (left, right) => left.advertisedRegisterCount - right.advertisedRegisterCount,
  },
  {
    key: "failures",
    title: "Failures",
    share: 1.1,
    narrow: "none",
    isNumber: true,
    cell: (peer) => grouped(peer.failureCount),
    order: (left, right) => left.failureCount - right.failureCount,
  },
  {
    key: "seen",
    title: "Last seen",
    share: 1.3,
    narrow: "none",
    isNumber: true,
    cell: (peer) => <SeenAgo lastSeen={peer.lastSeen} />,
    order: (left, right) => ((left.lastSeen ?? "") < (right.lastSeen ?? "") ? -1 : 1),
  },
];

function Score(props: { peer: Peer }) {
  const { qualityScore, qualityRating } = props.peer;
  const tone = scoreTone(qualityScore, qualityRating);
  return (
    <span
      class="score"
      title={`${qualityRating}: 60 for answering, 25 for answering fast, 15 for a proven name`}
    >
      <Meter percent={qualityScore} tone={tone} label="Score" />
      <span class="score-number">{Math.round(qualityScore)}</span>
    </span>
  );
}

function SeenAgo(props: { lastSeen: string | null }) {
  return <span>{agoText(props.lastSeen, nowMs.value)}</span>;
}
