import { useMemo } from "preact/hooks";
import type { Topology } from "../net/node-state.ts";
import { goTo, hrefOf } from "../router.ts";
import { shown } from "../words/foreign.ts";
import { layOut, type MeshNode, type Placed } from "./topology-layout.ts";

/** The mesh as a picture. What it shows is in the list beside it, too. */
export function TopologyGraph(props: {
  mesh: Topology;
  selectedId: string | null;
  /** Nodes with a whole copy of the register that is looked at; null: none is. */
  holders: ReadonlySet<string> | null;
}) {
  const { mesh, selectedId, holders } = props;
  const layout = useMemo(() => layOut(mesh.nodes), [mesh]);
  const links = useMemo(() => new Map(mesh.links.map((link) => [link.to, link])), [mesh]);
  const { extent } = layout;
  return (
    <svg class="graph" viewBox={`${-extent} ${-extent} ${2 * extent} ${2 * extent}`}>
      <title>The mesh as seen from this node; the list has the same in words</title>
      {layout.rings.map((radius) => (
        <circle key={radius} class="ring" r={radius} />
      ))}
      {layout.placed.map(({ node, x, y }) => {
        const link = links.get(node.nodeId);
        if (link === undefined) return null;
        const isServing = link.serves.length > 0;
        // Hundreds of equal spokes say nothing but that there are many.
        if (layout.isDense && !isServing && node.nodeId !== selectedId) return null;
        return (
          <line
            key={node.nodeId}
            class={isServing ? "link serving" : "link"}
            x1={0}
            y1={0}
            x2={x}
            y2={y}
          />
        );
      })}
      {layout.placed.map((placed) => (
        <Dot
          key={placed.node.nodeId}
          placed={placed}
          isSelected={placed.node.nodeId === selectedId}
          isDimmed={holders !== null && !holders.has(placed.node.nodeId)}
          isHolder={holders?.has(placed.node.nodeId) ?? false}
        />
      ))}
    </svg>
  );
}

function Dot(props: { placed: Placed; isSelected: boolean; isDimmed: boolean; isHolder: boolean }) {
  const { node, x, y, radius, isNamed } = props.placed;
  const href = hrefOf(["topology", node.nodeId]);
  const classes = [
    "node",
    kindOf(node),
    toneOf(node),
    props.isSelected ? "selected" : "",
    props.isDimmed ? "dimmed" : "",
    props.isHolder ? "holder" : "",
    isNamed ? "" : "small",
  ];
  // A thousand stops of the tab key help nobody: in a dense picture the list is for the keyboard.
  return (
    <a
      class={classes.join(" ")}
      href={href}
      tabindex={isNamed ? 0 : -1}
      onClick={(event) => {
        event.preventDefault();
        goTo(href);
      }}
    >
      <title>{sentenceOf(node)}</title>
      <g transform={`translate(${x} ${y})`}>
        <circle class="halo" r={radius + (isNamed ? 7 : 4)} />
        {node.isSeed ? (
          <rect
            class="body"
            x={-radius}
            y={-radius}
            width={2 * radius}
            height={2 * radius}
            rx={3}
          />
        ) : (
          <circle class="body" r={radius} />
        )}
        {node.isSelf || node.isBanned || !isNamed ? null : (
          <Arc radius={radius + 3.5} share={node.qualityScore / 100} />
        )}
        {node.isBanned ? <path class="strike" d={crossOf(radius * 0.6)} /> : null}
        {isNamed && !node.isBanned && !node.isSelf ? (
          <text class="score" {...silent} dy="0.35em">
            {Math.round(node.qualityScore)}
          </text>
        ) : null}
        {isNamed ? (
          <text class="name" {...silent} y={y < -1 ? -radius - 12 : radius + 20}>
            {shown(node.nodeId, 16)}
          </text>
        ) : null}
      </g>
    </a>
  );
}

/** The link's own title says it, in whole words. */
const silent = { "aria-hidden": true };

/** The score as the part of a circle that is drawn. */
function Arc(props: { radius: number; share: number }) {
  const round = 2 * Math.PI * props.radius;
  const drawn = Math.min(1, Math.max(0, props.share)) * round;
  return (
    <circle
      class="arc"
      r={props.radius}
      stroke-dasharray={`${drawn} ${round}`}
      transform="rotate(-90)"
    />
  );
}

function crossOf(reach: number): string {
  return `M${-reach} ${-reach}L${reach} ${reach}M${reach} ${-reach}L${-reach} ${reach}`;
}

function kindOf(node: MeshNode): string {
  if (node.isSelf) return "self";
  if (node.isBanned) return "banned";
  return node.isConnected ? "connected" : "known";
}

function toneOf(node: MeshNode): string {
  if (node.qualityScore >= 60) return "good";
  return node.qualityScore >= 40 ? "warn" : "bad";
}

function sentenceOf(node: MeshNode): string {
  const name = shown(node.nodeId, 64);
  if (node.isSelf) return `${name}, this node`;
  const seed = node.isSeed ? ", seed" : "";
  if (node.isBanned) return `${name}${seed}, banned`;
  const state = node.isConnected ? "connected" : "not connected";
  return `${name}${seed}, ${state}, quality ${Math.round(node.qualityScore)} of 100`;
}
