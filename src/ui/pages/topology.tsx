import { useState } from "preact/hooks";
import { registers, type Topology, topology } from "../net/node-state.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useResource } from "../parts/resource-view.ts";
import { type Column, Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { hrefOf } from "../router.ts";
import { shortId, shown } from "../words/foreign.ts";
import { grouped, msText, plural } from "../words/numbers.ts";
import { TopologyGraph } from "./topology-graph.tsx";
import { isCrowd, type MeshNode } from "./topology-layout.ts";

/** Who is connected to this node, who is only known, and who holds which register. */
export function TopologyPage(props: { nodeId: string }) {
  const { value: mesh, error } = useResource(topology);
  const [view, setView] = useState<"graph" | "list">("graph");
  const [registerId, setRegisterId] = useState("");
  if (mesh === null)
    return error === null ? <Loading lines={6} /> : <Fault message={error.message} />;
  const holders = mesh.registers.find((one) => one.registerId === registerId)?.holders ?? null;
  const selected = mesh.nodes.find((node) => node.nodeId === props.nodeId) ?? null;
  return (
    <>
      <PageHead
        name="Topology"
        title="Topology"
        note={
          <span>
            {plural(mesh.links.length, "connection")} of this node,{" "}
            {plural(mesh.nodes.length - 1, "known peer")}
          </span>
        }
        actions={
          <>
            <RegisterChoice mesh={mesh} value={registerId} onChange={setRegisterId} />
            <Tabs
              label="How to show the mesh"
              value={view}
              onChange={setView}
              tabs={[
                { value: "graph", label: "Graph" },
                { value: "list", label: "List" },
              ]}
            />
          </>
        }
      />
      <SinglePoints mesh={mesh} />
      <div class="topology">
        {view === "graph" ? (
          <section class="card graph-card" aria-label="Graph of the mesh">
            {mesh.nodes.length === 1 ? (
              <Empty icon="topology" title="This node knows nobody yet.">
                Name a seed with <code>--seed HOST:PORT</code> or <a href="#/peers">add a peer</a>.
              </Empty>
            ) : (
              <>
                <TopologyGraph
                  mesh={mesh}
                  selectedId={selected?.nodeId ?? null}
                  holders={holders === null ? null : new Set(holders)}
                />
                <Legend isDense={isCrowd(mesh.nodes.length)} />
              </>
            )}
          </section>
        ) : (
          <section class="card flush">
            <NodeList mesh={mesh} />
          </section>
        )}
        <aside class="topology-side">
          {selected === null ? (
            <MeshFacts mesh={mesh} />
          ) : (
            <NodeFacts mesh={mesh} node={selected} />
          )}
        </aside>
      </div>
    </>
  );
}

function RegisterChoice(props: {
  mesh: Topology;
  value: string;
  onChange: (registerId: string) => void;
}) {
  const names = new Map(
    (useResource(registers).value ?? []).map((one) => [one.registerId, one.name]),
  );
  const ids = props.mesh.registers.slice(0, 1_000).map((one) => one.registerId);
  return (
    <label class="inline-field">
      <span>Who holds</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        <option value="">any register</option>
        {ids.map((id) => (
          <option key={id} value={id}>
            {shown(names.get(id) ?? "", 28)} {shortId(id, 14)}
          </option>
        ))}
      </select>
    </label>
  );
}

function SinglePoints(props: { mesh: Topology }) {
  const { singlePoints, nodeId } = props.mesh;
  if (singlePoints.length === 0) return null;
  const there = singlePoints.filter((one) => one.nodeId !== nodeId).length;
  return (
    <div class="banner">
      <span>
        <strong>{plural(singlePoints.length, "register")}</strong> with one whole copy in sight
        {there === 0 ? ", here" : `, ${grouped(there)} of them elsewhere`}. A second full replica
        would make the mesh survive the loss of any one node.
      </span>
    </div>
  );
}

function Legend({ isDense }: { isDense: boolean }) {
  return (
    <ul class="legend">
      <li>
        <i class="key self" /> this node
      </li>
      <li>
        <i class={isDense ? "key quality" : "key connected"} />
        {isDense ? "connected, by quality: poor, fair, good" : "connected, arc and number: quality"}
      </li>
      <li>
        <i class="key known" /> known only
      </li>
      <li>
        <i class="key seed" /> seed
      </li>
      <li>
        <i class="key banned">×</i> banned
      </li>
      <li>
        <i class="key line" /> serves this node now
      </li>
    </ul>
  );
}

function MeshFacts(props: { mesh: Topology }) {
  const { nodes, links, registers: held } = props.mesh;
  const others = nodes.filter((node) => !node.isSelf);
  return (
    <Card title="The mesh">
      <Facts
        columns={1}
        facts={[
          { name: "Connected", value: grouped(links.length) },
          { name: "Seeds", value: grouped(others.filter((node) => node.isSeed).length) },
          { name: "Banned", value: grouped(others.filter((node) => node.isBanned).length) },
          { name: "Registers in sight", value: grouped(held.length) },
          {
            name: "Serving this node",
            value: grouped(links.filter((link) => link.serves.length > 0).length),
          },
        ]}
      />
      <p class="small muted card-hint">Choose a node to see what it holds.</p>
    </Card>
  );
}

const registersShown = 40;

function NodeFacts(props: { mesh: Topology; node: MeshNode }) {
  const { mesh, node } = props;
  const link = mesh.links.find((one) => one.to === node.nodeId);
  const serves = new Set(link?.serves);
  return (
    <Card title={<Foreign text={node.nodeId} max={48} />} aside={<a href="#/topology">Close</a>}>
      <Facts
        columns={1}
        facts={[
          { name: "Is", value: <Kinds node={node} /> },
          { name: "Address", value: <Foreign text={`${node.address}:${node.port}`} /> },
          node.isSelf
            ? null
            : { name: "Quality", value: `${Math.round(node.qualityScore)} of 100` },
          link === undefined ? null : { name: "Latency", value: msText(link.latencyMs) },
        ]}
      />
      {node.isSelf ? null : (
        <p class="card-hint">
          <a href={hrefOf(["peers", node.nodeId])}>Everything about this peer</a>
        </p>
      )}
      <h3 class="card-sub">{plural(node.registerCount, "register")}</h3>
      <ul class="plain-list">
        {node.registers.slice(0, registersShown).map((one) => (
          <li key={one.registerId}>
            <a href={hrefOf(["registers", one.registerId])}>
              <Id id={one.registerId} max={14} />
            </a>
            <span class="muted small">
              docket {grouped(one.docketNumber)}
              {one.isOrigin ? ", sealed there" : one.isWhole ? ", whole" : ", in part"}
              {serves.has(one.registerId) ? ", serves this node" : ""}
            </span>
          </li>
        ))}
      </ul>
      {node.registerCount > registersShown ? (
        <p class="muted small">and {grouped(node.registerCount - registersShown)} more</p>
      ) : null}
    </Card>
  );
}

function Kinds(props: { node: MeshNode }) {
  const { node } = props;
  if (node.isSelf) return <Badge tone="info">this node</Badge>;
  return (
    <span class="badges">
      {node.isBanned ? <Badge tone="bad">banned</Badge> : null}
      {node.isConnected ? <Badge tone="good">connected</Badge> : <Badge tone="plain">known</Badge>}
      {node.isSeed ? <Badge tone="info">seed</Badge> : null}
    </span>
  );
}

function NodeList(props: { mesh: Topology }) {
  const links = new Map(props.mesh.links.map((link) => [link.to, link]));
  const columns: Column<MeshNode>[] = [
    {
      key: "node",
      title: "Node",
      share: 3,
      narrow: "main",
      cell: (node) => <Foreign text={node.nodeId} max={40} />,
      order: (left, right) => (left.nodeId < right.nodeId ? -1 : 1),
    },
    {
      key: "kind",
      title: "State",
      share: 3,
      narrow: "side",
      cell: (node) => <Kinds node={node} />,
    },
    {
      key: "quality",
      title: "Quality",
      share: 1.4,
      narrow: "sub",
      isNumber: true,
      cell: (node) => (node.isSelf ? "–" : Math.round(node.qualityScore)),
      order: (left, right) => left.qualityScore - right.qualityScore,
    },
    {
      key: "latency",
      title: "Latency",
      share: 1.4,
      narrow: "sub",
      isNumber: true,
      cell: (node) => msText(links.get(node.nodeId)?.latencyMs ?? 0),
      order: (left, right) =>
        (links.get(left.nodeId)?.latencyMs ?? 0) - (links.get(right.nodeId)?.latencyMs ?? 0),
    },
    {
      key: "registers",
      title: "Registers",
      share: 1.4,
      narrow: "sub",
      isNumber: true,
      cell: (node) => grouped(node.registerCount),
      order: (left, right) => left.registerCount - right.registerCount,
    },
    {
      key: "serves",
      title: "Serves this node",
      share: 1.8,
      narrow: "none",
      isNumber: true,
      cell: (node) => grouped(links.get(node.nodeId)?.serves.length ?? 0),
    },
  ];
  return (
    <Table
      label="Nodes of the mesh"
      rows={props.mesh.nodes}
      columns={columns}
      keyOf={(node) => node.nodeId}
      hrefOf={(node) => hrefOf(["topology", node.nodeId])}
      empty={null}
    />
  );
}
