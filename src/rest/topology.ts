import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { TopologyJson } from "./topology-endpoints.ts";
import { isVisible, visibleAdverts } from "./visible.ts";

type TopologyCall = Call<Endpoints["topology"]>;
type Node = TopologyJson["nodes"][number];

/** The mesh as this node sees it: its own links for sure, who holds what by what peers say. */
export function topology(call: TopologyCall): Reply<Endpoints["topology"]> {
  const { caller, topologies } = call;
  // A peer sees what it may read: for each of them it is another one.
  if (!caller.isAnonymous && caller.isPeer) return { body: makeTopology(call) };
  return { body: topologies.get(String(caller.isAnonymous), () => makeTopology(call)) };
}

function makeTopology(call: TopologyCall): TopologyJson {
  const peers = call.source.listPeers();
  const nodes = [ownNode(call), ...peers.map((peer) => peerNode(peer, call))];
  const registers = holdersOf(nodes);
  const shownOfEach = Math.max(limits.listedAdverts, limits.topologyAdverts / nodes.length);
  return {
    nodeId: call.source.nodeId,
    nodes: nodes.map((node) => ({ ...node, registers: node.registers.slice(0, shownOfEach) })),
    links: linksOf(call, peers),
    registers,
    singlePoints: registers.flatMap(({ registerId, holders, holderCount }) => {
      const [only] = holders;
      return only === undefined || holderCount > 1 ? [] : [{ registerId, nodeId: only }];
    }),
  };
}

function ownNode(call: TopologyCall): Node {
  const { source, caller } = call;
  const registers = source.listRegisters().filter((register) => isVisible(register, caller));
  const at = source.grpcAddress.lastIndexOf(":");
  return {
    nodeId: source.nodeId,
    address: source.grpcAddress.slice(0, at),
    port: Number(source.grpcAddress.slice(at + 1)),
    isSelf: true,
    isSeed: false,
    isConnected: true,
    isBanned: false,
    qualityScore: 100,
    registerCount: registers.length,
    registers: registers.map((register) => ({
      registerId: register.registerId,
      docketNumber: register.headNumber,
      isWhole: register.firstNumber === 0,
      isOrigin: register.isOrigin,
    })),
  };
}

function peerNode(
  peer: ReturnType<TopologyCall["source"]["listPeers"]>[number],
  call: TopologyCall,
): Node {
  const adverts = visibleAdverts(peer, call).shown;
  return {
    nodeId: peer.peerId,
    address: peer.address,
    port: peer.port,
    isSelf: false,
    isSeed: peer.isSeedNode,
    isConnected: peer.isConnected,
    isBanned: peer.isBanned,
    qualityScore: peer.qualityScore ?? 0,
    registerCount: adverts.length,
    registers: adverts.map((advert) => ({
      registerId: advert.registerId,
      docketNumber: advert.latestDocketVersion,
      isWhole: wholeStates.has(advert.syncState),
      isOrigin: false,
    })),
  };
}

/** Our own connections, and which registers come over each. */
function linksOf(
  call: TopologyCall,
  peers: ReturnType<TopologyCall["source"]["listPeers"]>,
): TopologyJson["links"] {
  const { source, caller } = call;
  const hidden = new Set(
    [...source.listRegisters(), ...source.availableRegisters()]
      .filter((register) => !isVisible(register, caller))
      .map((register) => register.registerId),
  );
  const subscriptions = source.listSubscriptions().filter((one) => !hidden.has(one.registerId));
  return peers
    .filter((peer) => peer.isConnected)
    .map((peer) => ({
      from: source.nodeId,
      to: peer.peerId,
      latencyMs: peer.averageLatencyMs,
      serves: subscriptions
        .filter((one) => one.sourcePeerId === peer.peerId)
        .map((one) => one.registerId),
    }));
}

/** A register with one whole copy in reach is lost with it. */
function holdersOf(nodes: readonly Node[]): TopologyJson["registers"] {
  const holders = new Map<string, { names: string[]; count: number }>();
  for (const node of nodes) {
    for (const { registerId, isWhole } of node.registers) {
      const known = holders.get(registerId) ?? { names: [], count: 0 };
      if (known.count === 0) holders.set(registerId, known);
      if (!isWhole || node.isBanned) continue;
      known.count += 1;
      if (known.count <= limits.namedHolders) known.names.push(node.nodeId);
    }
  }
  return [...holders].map(([registerId, { names, count }]) => ({
    registerId,
    holders: names,
    holderCount: count,
  }));
}

const wholeStates = new Set(["FullyReplicated", "Active"]);
