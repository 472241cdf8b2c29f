import type { Command } from "commander";
import type { TopologyJson } from "../rest/topology-endpoints.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type Columns, harmless, printList, writeLine } from "./print.ts";

type Node = TopologyJson["nodes"][number];

export function addTopology(program: Command): void {
  withConnection(program.command("topology"))
    .description("The mesh as this node sees it: a tree, or one node a line")
    .addHelpText("after", "\nExample:\n  sorcha-peer topology --data-dir ./.data")
    .action(showTopology);
}

async function showTopology(options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  const mesh = await client.call("topology");
  if (options.output === "json") return writeLine(JSON.stringify(mesh));
  if (options.output === "table") return writeTree(mesh);
  const columns: Columns<Node> = {
    Node: (node) => node.nodeId,
    Address: (node) => `${node.address}:${node.port}`,
    State: stateOf,
    Quality: (node) => Math.round(node.qualityScore),
    Registers: (node) => node.registers.length,
  };
  printList(mesh.nodes, { output: options.output, columns, empty: "" });
}

function writeTree(mesh: TopologyJson): void {
  const [self, ...peers] = mesh.nodes;
  if (self === undefined) return;
  writeLine(harmless(`${self.nodeId}  ${self.address}:${self.port}, this node`));
  const hasPeers = peers.length > 0;
  writeRegisters(self, hasPeers ? "│  " : "   ");
  for (const [index, peer] of peers.entries()) {
    const isLast = index === peers.length - 1;
    const link = mesh.links.find((one) => one.to === peer.nodeId);
    const latency = link === undefined ? "" : `, ${Math.round(link.latencyMs)} ms`;
    const quality = `quality ${Math.round(peer.qualityScore)}`;
    const branch = isLast ? "└─ " : "├─ ";
    const place = `${peer.address}:${peer.port}`;
    writeLine(
      harmless(`${branch}${peer.nodeId}  ${place}, ${stateOf(peer)}${latency}, ${quality}`),
    );
    const indent = isLast ? "   " : "│  ";
    writeRegisters(peer, `${indent}   `, link?.serves);
  }
  for (const { registerId, nodeId } of mesh.singlePoints) {
    writeLine(harmless(`! ${short(registerId)} is whole at ${nodeId} alone`));
  }
}

function writeRegisters(node: Node, indent: string, serves: readonly string[] = []): void {
  for (const { registerId, docketNumber, isWhole, isOrigin } of node.registers) {
    const facts = [
      `docket ${docketNumber}`,
      isWhole ? "whole" : "not whole",
      ...(isOrigin ? ["sealed here"] : []),
      ...(serves.includes(registerId) ? ["serves this node"] : []),
    ];
    writeLine(harmless(`${indent}${short(registerId)}  ${facts.join(", ")}`));
  }
}

function stateOf(node: Node): string {
  if (node.isSelf) return "this node";
  if (node.isBanned) return "banned";
  const state = node.isConnected ? "connected" : "disconnected";
  return node.isSeed ? `${state}, seed` : state;
}

function short(registerId: string): string {
  return registerId.length > 20 ? `${registerId.slice(0, 16)}…` : registerId;
}
