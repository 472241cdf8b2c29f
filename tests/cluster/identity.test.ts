import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import type { CertificatePair } from "../../src/trust/issue.ts";
import type { Channel } from "../../src/wire/client.ts";
import { answer } from "../../src/wire/serve.ts";
import { discovery, heartbeat, replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { channelAs, Organisation, writeTls } from "../support/certificates.ts";
import { hasServer } from "../support/database.ts";
import { Cluster, lastLine, type TestNode, until } from "../support/node.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const call = { deadlineMs: 20_000 };
const mtls = { PEER_AUTH: "mtls", PEER_HEARTBEAT_MS: "1000" };

/** Who may be a peer of real nodes, and what they tell whom (weaknesses 16, 17, 24, 25). */
describe("Nodes with certificates", () => {
  const cluster = new Cluster("embedded");
  const onServer = new Cluster("postgres");

  async function start(
    name: string,
    given: {
      own: CertificatePair;
      trusts: readonly Organisation[];
      seeds?: readonly TestNode[];
      where?: Cluster;
    },
  ): Promise<TestNode> {
    const { seeds = [], where = cluster } = given;
    const node = await where.make(name, { seeds, environment: mtls });
    await writeTls(join(node.dataDir, "tls"), given);
    await node.start();
    return node;
  }

  for (const where of [cluster, ...(hasServer() ? [onServer] : [])]) {
    test(`of two organisations federate; a private register goes to its reader and nobody else (${where.kind})`, async () => {
      const [red, blue] = [await Organisation.make("Red"), await Organisation.make("Blue")];
      const trusts = [red, blue];
      const a = await start("a", { own: await red.issue("a"), trusts, where });
      const words = ["register", "create", "--name", "secret", "--private", "--reader", "b"];
      const { registerId } = JSON.parse(lastLine(await a.ok([...words, "--output", "json"])));
      const file = await cluster.write("secret.ndjson", '{"n":1}\n{"n":2}\n');
      await a.ok(["import", file, "--register", registerId]);

      const b = await start("b", { own: await blue.issue("b"), trusts, seeds: [a], where });
      const c = await start("c", { own: await red.issue("c"), trusts, seeds: [a, b], where });
      await until(() => knows(b, registerId), "b to hear of the private register");
      await b.subscribe(registerId, ["--wait"]);
      expect(await b.ok(["export", registerId])).toBe('{"n":1}\n{"n":2}\n');

      await until(() => isConnectedTo(c, ["a", "b"]), "c to be connected with both");
      const own = await red.issue("c");
      for (const node of [a, b]) {
        const channel = channelAs(node.grpcAddress, { nodeId: "c", tls: { own, trusts } });
        expect(await leaksOf(channel, registerId)).toEqual([]);
        channel.close();
        expect((await fetch(`${node.httpUrl}/api/registers/${registerId}`)).status).toBe(404);
        for (const path of ["/api/registers", "/api/registers/available", "/api/peers"]) {
          expect(JSON.stringify(await node.get(path))).not.toContain(registerId);
        }
      }
      expect(await knows(c, registerId)).toBe(false);
    }, 120_000);
  }

  test("refuse a foreign authority's node and an expired certificate; both sides log why", async () => {
    const [ours, foreign] = [await Organisation.make("Ours"), await Organisation.make("Foreign")];
    const a = await start("a", { own: await ours.issue("a"), trusts: [ours] });
    const seeds = [a];
    const x = await start("x", { own: await foreign.issue("x"), trusts: [ours, foreign], seeds });
    await bothLog(a, x, "of an authority that this node does not trust");
    await x.stop();
    const expired = await ours.issue("late", { days: -1 });
    const late = await start("late", { own: expired, trusts: [ours], seeds });
    await bothLog(a, late, "certificate is expired");
    expect(logs(late)).toContain("A certificate has expired");
    await late.stop();
    const open = await cluster.start("open", { seeds });
    await until(async () => logs(open).includes("Peer not reached"), "the open node to fail");
    await until(async () => logs(a).includes("TLS handshake failed"), "a to see it fail");
    expect(await a.get<unknown[]>("/api/peers")).toEqual([]);
  }, 120_000);

  test("don't start with another node's certificate, and take a new one while they run", async () => {
    const ours = await Organisation.make("Ours");
    const trusts = [ours];
    const a = await cluster.make("a", { environment: mtls });
    await writeTls(join(a.dataDir, "tls"), { own: await ours.issue("b"), trusts });
    a.spawn();
    expect(await a.ended()).toBe(6);
    const paths = await writeTls(join(a.dataDir, "tls"), { own: await ours.issue("a"), trusts });
    await a.start();
    const moved = await Organisation.make("Moved");
    const renewed = { own: await moved.issue("a", { days: 3 }), trusts: [ours, moved] };
    await writeTls(join(a.dataDir, "tls"), renewed);
    await until(async () => logs(a).includes("Certificates were replaced"), "a to take the files");
    const own = await ours.issue("b");
    const channel = channelAs(a.grpcAddress, { tls: { own, trusts: [moved] } });
    expect((await channel.unary(discovery.ping, {}, call)).peerId).toBe("a");
    channel.close();
    const isWarned = async () => JSON.stringify(await health(a)).includes("certificate-expiring");
    await until(isWarned, "the end of the certificate to be warned of");
    expect(await health(a)).toMatchObject({ status: "degraded" });
    const metrics = await (await fetch(`${a.httpUrl}/metrics`)).text();
    const left = /certificate_expiry[^\n]*certificate="own"[^\n]* (\d+)/.exec(metrics)?.[1];
    expect(Math.round(Number(left) / 86_400)).toBe(3);
    const shown = JSON.parse(
      await a.ok(["certs", "show", paths.ca, "--output", "json"], { bare: true }),
    );
    expect(shown).toHaveLength(2);
  }, 120_000);
});

describe("Nodes with tokens", () => {
  const cluster = new Cluster("embedded");
  const environment = { PEER_AUTH: "token", PEER_HEARTBEAT_MS: "1000" };

  async function start(name: string, key: string, seeds: readonly TestNode[]): Promise<TestNode> {
    const node = await cluster.make(name, { seeds, environment });
    await Bun.write(join(node.dataDir, "jwt.key"), key);
    await node.start();
    return node;
  }

  test("replicate among each other and refuse who has none", async () => {
    const key = "one key for all nodes of this test, and long enough";
    const a = await start("a", key, []);
    const file = await cluster.write("records.ndjson", '{"n":1}\n');
    const { registerId } = await a.import(file, "records");
    const b = await start("b", key, [a]);
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    const stranger = await cluster.start("s", { seeds: [a], environment: { PEER_AUTH: "open" } });
    await bothLog(a, stranger, "wants a token from its peers; none came");
    const liar = await start("l", "another key, of which nobody else knows", [a]);
    await bothLog(a, liar, "not signed with this node's key");
    const words = ["token", "--peer", "p", "--quiet", "--data-dir", a.dataDir];
    const token = lastLine(await a.ok(words, { bare: true }));
    const authorization = `Bearer ${token}`;
    const peer = channelAs(a.grpcAddress, { nodeId: "p", authorization });
    expect((await peer.unary(discovery.ping, {}, call)).peerId).toBe("a");
    peer.close();
    const create = { method: "POST", body: '{"name":"x"}', headers: { authorization } };
    expect((await fetch(`${a.httpUrl}/api/registers`, create)).status).toBe(403);
  }, 120_000);
});

describe("Nodes in the open", () => {
  const cluster = new Cluster("embedded");

  test("give a private register to a reader whose name is that of its key, not to who takes over its address (weakness 24)", async () => {
    const environment = { PEER_HEARTBEAT_MS: "1000" };
    const jwtKey = { PEER_JWT_SIGNING_KEY: "a key that is long enough for production" };
    const a = await cluster.start("a", {
      environment: {
        ...environment,
        NODE_ENV: "production",
        PEER_AUTH: "open",
        ...jwtKey,
      },
    });
    expect(logs(a)).toContain("Production with peerAuth open");
    const line = await TcpProxy.open();
    const flags = ["--advertise", line.address];
    const named = await cluster.make("named", { seeds: [a], environment, flags });
    const key = await named.ok(["keys", "init", "--data-dir", named.dataDir, "--output", "json"], {
      bare: true,
    });
    const { nodeId } = JSON.parse(lastLine(key));
    const words = ["register", "create", "--name", "s", "--private", "--reader", nodeId];
    const created = await a.ok([...words, "--reader", "chosen", "--output", "json"], {
      environment: jwtKey,
    });
    const { registerId } = JSON.parse(lastLine(created));
    const open = ["register", "create", "--name", "o", "--output", "json"];
    const known = JSON.parse(lastLine(await a.ok(open, { environment: jwtKey })));
    const chosen = await cluster.start("chosen", { seeds: [a], environment });
    await startAs(named, nodeId);
    line.target = named.grpcAddress;
    await until(() => knows(named, registerId), "the reader to hear of it");
    await named.subscribe(registerId, ["--wait"]);
    await until(() => isConnectedTo(chosen, ["a"]), "the other to be connected");
    expect(await knows(chosen, registerId)).toBe(false);

    await until(() => isConnectedTo(a, [nodeId]), "the origin to have reached the reader");
    const heard: string[] = [];
    line.target = await usurp(nodeId, heard);
    line.reset();
    await until(async () => heard.length >= 3, "heartbeats to come to the usurper");
    expect(heard.join()).toContain(known.registerId);
    expect(heard.join()).not.toContain(registerId);
    expect((await helloFlood(a)).join()).toContain("This host says hello too often");
    line.close();
    await rpc.close();
  }, 120_000);
});

/** What a host hears that says hello more often than all nodes of a machine need to. */
async function helloFlood(node: TestNode): Promise<string[]> {
  const channel = channelAs(node.grpcAddress, { nodeId: "x" });
  const said: string[] = [];
  for (let hello = 0; hello < 2 * limits.hellos.burst; hello += 1) {
    const request = { nodeId: "x", nonce: new Uint8Array(32) };
    await channel
      .unary(replication.hello, request, call)
      .catch((error) => said.push(error.message));
  }
  channel.close();
  return said;
}

/** Answers heartbeats in another's name, and keeps what they tell. Gives its address. */
async function usurp(nodeId: string, heard: string[]): Promise<string> {
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: [
      answer(heartbeat.sendHeartbeat, (request) => {
        heard.push(JSON.stringify(request));
        return { success: true, peerId: nodeId };
      }),
    ],
    showDetails: false,
    isServing: () => true,
  });
  return `127.0.0.1:${port}`;
}

/** The harness names nodes itself; this one keeps the name of its key. */
async function startAs(node: TestNode, nodeId: string): Promise<void> {
  Object.assign(node, { name: nodeId });
  await node.start();
}

function health(node: TestNode): Promise<unknown> {
  return node.get("/api/health");
}

function logs(node: TestNode): string {
  return JSON.stringify(node.log());
}

function bothLog(one: TestNode, other: TestNode, words: string): Promise<void> {
  const isSaid = async () => logs(one).includes(words) && logs(other).includes(words);
  return until(isSaid, `${one.name} and ${other.name} to log "${words}"`);
}

async function knows(node: TestNode, registerId: string): Promise<boolean> {
  return (await node.ok(["registers", "available", "--output", "json"])).includes(registerId);
}

async function isConnectedTo(node: TestNode, names: readonly string[]): Promise<boolean> {
  const peers = await node.get<{ peerId: string; isConnected: boolean }[]>("/api/peers");
  const connected = peers.filter((peer) => peer.isConnected).map((peer) => peer.peerId);
  return names.every((name) => connected.includes(name));
}

/** The calls whose answers name the register, or that serve it. */
async function leaksOf(channel: Channel, registerId: string): Promise<string[]> {
  const answers: Record<string, unknown> = {
    getPeerList: await channel.unary(discovery.getPeerList, { maxPeers: 100 }, call),
    exchange: await channel.unary(discovery.exchangePeers, { peerId: "c", maxPeers: 50 }, call),
    find: await channel.unary(discovery.findPeersForRegister, { registerId }, call),
    heartbeat: await channel.unary(heartbeat.sendHeartbeat, { peerId: "c" }, call),
    hello: await channel.unary(replication.hello, { nodeId: "c", nonce: new Uint8Array(32) }, call),
  };
  expect((answers.find as { totalPeers: number }).totalPeers).toBe(0);
  const pulled = await channel
    .stream(replication.pullRange, { registerId })
    .next()
    .catch((error) => error);
  expect(refusalOf(pulled)?.name).toBe("FORBIDDEN");
  return Object.entries(answers)
    .filter(([, said]) => Buffer.from(JSON.stringify(said)).includes(registerId))
    .map(([name]) => name);
}
