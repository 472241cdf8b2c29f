import type { Topology } from "../net/node-state.ts";

export type MeshNode = Topology["nodes"][number];

export interface Placed {
  node: MeshNode;
  x: number;
  y: number;
  radius: number;
  /** Room for its name. */
  isNamed: boolean;
}

export interface Layout {
  placed: readonly Placed[];
  /** Too many for names: dots, and their colour says how good they are. */
  isDense: boolean;
  /** Half the side of the square that everything is in. */
  extent: number;
  /** Radius of each ring that has nodes. */
  rings: readonly number[];
}

const namedMax = 48;

/** Whether there is no room for names, with this node among them. */
export function isCrowd(nodeCount: number): boolean {
  return nodeCount - 1 > namedMax;
}

/**
 * This node in the middle, around it who is connected, further out who is only known, and at the
 * rim who is banned. A ring that is full goes on in the next. Whoever is where stays there: the
 * order is by name and no chance is in it.
 */
export function layOut(nodes: readonly MeshNode[]): Layout {
  const self = nodes.filter((node) => node.isSelf);
  const others = nodes.filter((node) => !node.isSelf).toSorted(byName);
  const groups = [
    others.filter((node) => node.isConnected && !node.isBanned),
    others.filter((node) => !node.isConnected && !node.isBanned),
    others.filter((node) => node.isBanned),
  ];
  const isDense = isCrowd(nodes.length);
  const spacing = isDense ? 26 : 84;
  const step = isDense ? 30 : 96;
  const placed: Placed[] = self.map((node) => ({ node, x: 0, y: 0, radius: 20, isNamed: true }));
  const rings: number[] = [];
  let radius = isDense ? 90 : 130;
  for (const group of groups) {
    let rest = group;
    while (rest.length > 0) {
      const room = Math.max(4, Math.floor((2 * Math.PI * radius) / spacing));
      const here = rest.slice(0, room);
      placed.push(...onRing(here, { radius, isDense, turn: rings.length % 2 }));
      rings.push(radius);
      rest = rest.slice(room);
      radius += step;
    }
    if (group.length > 0 && isDense) radius += step / 2;
  }
  const extent = (rings.at(-1) ?? 60) + (isDense ? 20 : 70);
  return { placed, extent, rings, isDense };
}

function onRing(
  nodes: readonly MeshNode[],
  ring: { radius: number; isDense: boolean; turn: number },
): Placed[] {
  return nodes.map((node, index) => {
    const angle = ((index + ring.turn / 2) / nodes.length) * 2 * Math.PI - Math.PI / 2;
    return {
      node,
      x: Math.cos(angle) * ring.radius,
      y: Math.sin(angle) * ring.radius,
      radius: ring.isDense ? 8 : 14,
      isNamed: !ring.isDense,
    };
  });
}

function byName(left: MeshNode, right: MeshNode): number {
  if (left.isSeed !== right.isSeed) return left.isSeed ? -1 : 1;
  return left.nodeId < right.nodeId ? -1 : 1;
}
