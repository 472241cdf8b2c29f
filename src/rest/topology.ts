import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { TopologyJson } from "./topology-endpoints.ts";
import { isVisible } from "./visible.ts";

type TopologyCall = Call<Endpoints["topology"]>;
type Node = TopologyJson["nodes"][number];

/** The mesh as this node sees it: its own links for sure, who holds what by what peers say. */
export function topology(call: TopologyCall): Reply<Endpoints["topology"]> {
  const nodes = [ownNode(call), ...call.source.listPeers().map((peer) => peerNode(peer, call))];
  const registers = holdersOf(nodes);
  return {
    body: {
      nodeId: call.source.nodeId,
      nodes,
      links: linksOf(call),
      registers,
      singlePoints: registers.flatMap(({ registerId, holders }) => {
        const [only, another] = holders;
        return only === undefined || another !== undefined ? [] : [{ registerId, nodeId: only }];
      }),
    },
  };
}

function ownNode(call: TopologyCall): Node {
  const { source, caller } = call;
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
    registers: source
      .listRegisters()
      .filter((register) => isVisible(register, caller))
      .map((register) => ({
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
  return {
    nodeId: peer.peerId,
    address: peer.address,
    port: peer.port,
    isSelf: false,
    isSeed: peer.isSeedNode,
    isConnected: peer.isConnected,
    isBanned: peer.isBanned,
    qualityScore: peer.qualityScore ?? 0,
    registers: peer.advertisedRegisters
      .filter((advert) => isVisible(advert, call.caller))
      .map((advert) => ({
        registerId: advert.registerId,
        docketNumber: advert.latestDocketVersion,
        isWhole: /^(FullyReplicated|Active)$/.test(advert.syncState),
        isOrigin: false,
      })),
  };
}

/** Our own connections, and which registers come over each. */
function linksOf(call: TopologyCall): TopologyJson["links"] {
  const { source, caller } = call;
  const hidden = new Set(
    [...source.listRegisters(), ...source.availableRegisters()]
      .filter((register) => !isVisible(register, caller))
      .map((register) => register.registerId),
  );
  const subscriptions = source.listSubscriptions().filter((one) => !hidden.has(one.registerId));
  return source
    .listPeers()
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
  const holders = new Map<string, string[]>();
  for (const node of nodes) {
    for (const { registerId, isWhole } of node.registers) {
      const known = holders.get(registerId) ?? [];
      if (isWhole && !node.isBanned) known.push(node.nodeId);
      holders.set(registerId, known);
    }
  }
  return [...holders].map(([registerId, whole]) => ({ registerId, holders: whole }));
}
