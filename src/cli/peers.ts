import { type Command, Option } from "commander";
import type { PeerJson, QualityJson } from "../rest/schemas.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { addPeerOrders } from "./peer-orders.ts";
import { type Columns, printList, printOne } from "./print.ts";

const sorts = ["peerId", "lastSeen", "latency", "quality", "failures"];
const states = [
  "connected",
  "disconnected",
  "healthy",
  "unhealthy",
  "banned",
  "quarantined",
  "seed",
];

export function addPeers(program: Command): void {
  const group = program.command("peers").description("Whom this node knows");
  withConnection(group.command("list").description("Known peers"))
    .addOption(new Option("--sort <by>", "in which order").choices(sorts))
    .addOption(new Option("--status <status>", "only those").choices(states))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers list --status connected")
    .action(listPeers);
  withConnection(group.command("get").description("One peer").argument("<peer-id>")).action(
    getPeer,
  );
  withConnection(group.command("quality").description("How well each peer serves")).action(
    listQuality,
  );
  withConnection(group.command("connected").description("Peers with a live connection")).action(
    listConnected,
  );
  withConnection(group.command("stats").description("The mesh in figures")).action(
    async (options: ConnectOptions) => {
      const client = await connect(options);
      printOne(await client.call("peerStats"), options);
    },
  );
  withConnection(group.command("health").description("How many peers are well")).action(
    async (options: ConnectOptions) => {
      const client = await connect(options);
      printOne(await client.call("peerHealth"), options);
    },
  );
  addPeerOrders(group);
}

async function listQuality(options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  const peers = await client.call("peerQuality");
  const columns: Columns<QualityJson> = {
    "Peer ID": (peer) => peer.peerId,
    Score: (peer) => peer.qualityScore,
    Rating: (peer) => peer.qualityRating,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Success: (peer) => `${Math.round(peer.successRate * 100)}%`,
    Calls: (peer) => peer.totalRequests,
  };
  printList(peers, { output: options.output, columns, empty: "No peer is known yet" });
}

async function listConnected(options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  const { peers, connectedPeerCount } = await client.call("connectedPeers");
  if (peers === undefined) return printOne({ connectedPeerCount }, options);
  const columns: Columns<(typeof peers)[number]> = {
    "Peer ID": (peer) => peer.peerId,
    Address: (peer) => `${peer.address}:${peer.port}`,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Seed: (peer) => (peer.isSeedNode ? "yes" : ""),
  };
  printList(peers, { output: options.output, columns, empty: "No peer is connected" });
}

async function listPeers(
  options: ConnectOptions & { sort?: string; status?: string },
): Promise<void> {
  const client = await connect(options);
  const query = { sort: options.sort, status: options.status };
  const columns: Columns<PeerJson> = {
    "Peer ID": (peer) => peer.peerId,
    Address: (peer) => `${peer.address}:${peer.port}`,
    Status: statusOf,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Quality: (peer) => `${Math.round(peer.qualityScore)} ${peer.qualityRating}`,
    Registers: (peer) => peer.advertisedRegisterCount,
    "Last seen": (peer) => peer.lastSeen ?? "never",
  };
  const peers = await client.call("listPeers", { query });
  printList(peers, { output: options.output, columns, empty: "No peer is known yet" });
}

async function getPeer(peerId: string, options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  printOne(await client.call("getPeer", { params: { peerId } }), options);
}

function statusOf(peer: PeerJson): string {
  if (peer.isBanned) return "banned";
  const state = peer.isConnected ? "connected" : "disconnected";
  return peer.isSeedNode ? `${state}, seed` : state;
}
