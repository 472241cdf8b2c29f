import { type Command, Option } from "commander";
import type { PeerJson, QualityJson } from "../rest/schemas.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type PageOptions, pageAsked, printAs, withPaging } from "./paging.ts";
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
  withPaging(withConnection(group.command("list").description("Known peers")))
    .addOption(new Option("--sort <by>", "in which order").choices(sorts))
    .addOption(new Option("--status <status>", "only those").choices(states))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers list --status connected")
    .action(listPeers);
  withConnection(group.command("get").description("One peer").argument("<peer-id>"))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers get node-7")
    .action(getPeer);
  withPaging(withConnection(group.command("quality").description("How well each peer serves")))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers quality --limit 10")
    .action(listQuality);
  withPaging(withConnection(group.command("connected").description("Peers with a live connection")))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers connected --data-dir ./.data")
    .action(listConnected);
  withConnection(group.command("stats").description("The mesh in figures"))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers stats --output json")
    .action(async (options: ConnectOptions) => {
      const client = await connect(options);
      printOne(await client.call("peerStats"), options);
    });
  withPaging(withConnection(group.command("health").description("How many peers are well")))
    .addHelpText("after", "\nExample:\n  sorcha-peer peers health --limit 10")
    .action(async (options: PageOptions) => {
      const client = await connect(options);
      printOne(await client.call("peerHealth", { query: pageAsked(options) }), options);
    });
  addPeerOrders(group);
}

async function listQuality(options: PageOptions): Promise<void> {
  const client = await connect(options);
  const { rows, total } = await client.list("peerQuality", { query: pageAsked(options) });
  const columns: Columns<QualityJson> = {
    "Peer ID": (peer) => peer.peerId,
    Score: (peer) => peer.qualityScore,
    Rating: (peer) => peer.qualityRating,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Success: (peer) => `${Math.round(peer.successRate * 100)}%`,
    Calls: (peer) => peer.totalRequests,
  };
  printList(rows, { ...printAs(options), columns, total, empty: "No peer is known yet" });
}

async function listConnected(options: PageOptions): Promise<void> {
  const client = await connect(options);
  const { peers, connectedPeerCount } = await client.call("connectedPeers", {
    query: pageAsked(options),
  });
  if (peers === undefined) return printOne({ connectedPeerCount }, options);
  const columns: Columns<(typeof peers)[number]> = {
    "Peer ID": (peer) => peer.peerId,
    Address: (peer) => `${peer.address}:${peer.port}`,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Seed: (peer) => (peer.isSeedNode ? "yes" : ""),
  };
  const total = connectedPeerCount;
  printList(peers, { ...printAs(options), columns, total, empty: "No peer is connected" });
}

async function listPeers(options: PageOptions & { status?: string }): Promise<void> {
  const client = await connect(options);
  const query = { ...pageAsked(options), status: options.status };
  const columns: Columns<PeerJson> = {
    "Peer ID": (peer) => peer.peerId,
    Address: (peer) => `${peer.address}:${peer.port}`,
    Status: statusOf,
    Latency: (peer) => `${Math.round(peer.averageLatencyMs)} ms`,
    Quality: (peer) => `${Math.round(peer.qualityScore)} ${peer.qualityRating}`,
    Registers: (peer) => peer.advertisedRegisterCount,
    "Last seen": (peer) => peer.lastSeen ?? "never",
  };
  const { rows, total } = await client.list("listPeers", { query });
  printList(rows, { ...printAs(options), columns, total, empty: "No peer is known yet" });
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
