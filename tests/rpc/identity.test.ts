import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerError } from "../../src/base/error.ts";
import { orAbort } from "../../src/base/signal.ts";
import { identityOf } from "../../src/peers/identity.ts";
import * as rpc from "../../src/rpc/server.ts";
import type { PeerAuth } from "../../src/runtime/config.ts";
import { Gatekeeper } from "../../src/trust/gatekeeper.ts";
import { type CertificatePair, issueNode } from "../../src/trust/issue.ts";
import { Outgoing } from "../../src/trust/outgoing.ts";
import type { TlsFiles, TlsPaths } from "../../src/trust/tls-files.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import type { Channel } from "../../src/wire/client.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { discovery, heartbeat, replication } from "../../src/wire/services.ts";
import {
  channelAs,
  channelOf,
  Organisation,
  openFiles,
  writeTls,
} from "../support/certificates.ts";

const call = { deadlineMs: 10_000 };
const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-tls-"));
let ours: Organisation;
let foreign: Organisation;
let paths: TlsPaths;
let files: TlsFiles | null = null;
const channels: Channel[] = [];

/** How far the node's clock is ahead, and which tokens it has taken back. */
let laterMs = 0;
const revoked = new Set<string>();
const tokens = new TokenGate({
  key: "a key for tokens that has more than 32 bytes",
  issuer: "i",
  audience: "a",
  clockSkewMs: 0,
  nowMs: () => Date.now() + laterMs,
  isRevoked: (tokenId) => revoked.has(tokenId),
});

/** Who the listener took the last caller for. */
let taken: { peerId: string | null; provenId: string | null } | null = null;

/** What the listener noted for operators. */
const kept: { type: string; message: string; peerId?: string | null; facts: object }[] = [];

beforeAll(async () => {
  ours = await Organisation.make("Ours");
  foreign = await Organisation.make("Foreign");
});
afterEach(async () => {
  for (const channel of channels.splice(0)) channel.close();
  await rpc.close();
  await files?.close();
  files = null;
  taken = null;
  kept.length = 0;
  laterMs = 0;
  revoked.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function listen(mode: PeerAuth, trusts: Organisation[] = [ours]): Promise<string> {
  paths = await writeTls(folder, { own: await ours.issue("node-a"), trusts });
  const open = await openFiles(paths, "node-a");
  files = open;
  const gatekeeper = new Gatekeeper({
    mode,
    nodeId: "node-a",
    tokens,
    isStillTrusted: (certificate) => open.isStillTrusted(certificate),
    nowMs: () => Date.now() + laterMs,
  });
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    tls: open,
    identify: (given) => gatekeeper.identify(given),
    handlers: [
      answer(discovery.ping, (_, { peerId, provenId }) => {
        taken = { peerId, provenId };
        return { peerId: "node-a" };
      }),
      answer(discovery.registerPeer, () => ({ success: true })),
      answerStream(replication.follow, async function* (_, caller) {
        yield new Uint8Array([1]);
        await orAbort(new Promise(() => {}), caller.signal);
      }),
      answer(heartbeat.sendHeartbeat, () => ({ success: true })),
    ],
    showDetails: false,
    isServing: () => true,
    keepEvent: (event) => kept.push(event),
  });
  return `127.0.0.1:${port}`;
}

function as(address: string, who: Parameters<typeof channelAs>[1]): Channel {
  const channel = channelAs(address, who);
  channels.push(channel);
  return channel;
}

async function ping(channel: Channel): Promise<string> {
  return channel.unary(discovery.ping, {}, call).then(
    () => `taken for ${taken?.provenId}`,
    (error: PeerError) => `${error.kind} ${error.code}: ${error.message}`,
  );
}

function with_(own: CertificatePair | null, nodeId?: string): Parameters<typeof channelAs>[1] {
  return { ...(nodeId === undefined ? {} : { nodeId }), tls: { own, trusts: [ours] } };
}

describe("peerAuth mtls (weakness 16, weakness 17, weakness 25)", () => {
  test("takes a caller for the node of its certificate, whether it says a name or not", async () => {
    const address = await listen("mtls");
    const own = await ours.issue("node-b");
    expect(await ping(as(address, with_(own)))).toBe("taken for node-b");
    expect(await ping(as(address, with_(own, "node-b")))).toBe("taken for node-b");
  });

  test("refuses a certificate of a foreign authority", async () => {
    const address = await listen("mtls");
    const foreigner = await foreign.issue("node-b");
    const told = await ping(as(address, with_(foreigner, "node-claimed")));
    expect(told).toStartWith("unauthenticated bad-certificate");
    expect(told).toContain("of an authority that this node does not trust");
    // Under the name that it claims, so that whoever asks why about that peer sees it.
    expect(kept).toEqual([
      {
        type: "caller.refused",
        peerId: "node-claimed",
        message: expect.stringContaining("A caller that says it is node-claimed was refused"),
        facts: expect.objectContaining({ code: "bad-certificate" }),
      },
    ]);
  });

  test("refuses an expired certificate", async () => {
    const address = await listen("mtls");
    const told = await ping(as(address, with_(await ours.issue("node-b", { days: -1 }))));
    expect(told).toStartWith("unauthenticated bad-certificate");
    expect(told).toContain("expired");
  });

  test("refuses a caller without a certificate, and one in the clear", async () => {
    const address = await listen("mtls");
    expect(await ping(as(address, with_(null, "node-b")))).toStartWith(
      "unauthenticated no-certificate",
    );
    expect(await ping(as(address, { nodeId: "node-b" }))).toStartWith("network unreachable");
  });

  test("refuses the name of another node: in the header, a record, a heartbeat", async () => {
    const address = await listen("mtls");
    const own = await ours.issue("node-b");
    const told = await ping(as(address, with_(own, "node-c")));
    expect(told).toStartWith("unauthenticated false-identity");
    expect(told).toContain("says it is node-c, and its certificate is node-b's");
    const channel = as(address, with_(own));
    const refused = { kind: "unauthenticated", code: "false-identity" };
    const peerInfo = { peerId: "node-c", address: "127.0.0.1", port: 1 };
    const wrong = channel.unary(discovery.registerPeer, { peerInfo }, call);
    expect(await wrong.catch((error) => error)).toMatchObject(refused);
    const beat = channel.unary(heartbeat.sendHeartbeat, { peerId: "node-c" }, call);
    expect(await beat.catch((error) => error)).toMatchObject(refused);
    const right = { peerInfo: { ...peerInfo, peerId: "node-b" } };
    expect((await channel.unary(discovery.registerPeer, right, call)).success).toBe(true);
  });

  test("refuses a certificate for any name, and an authority that a node made itself", async () => {
    const address = await listen("mtls");
    const wildcard = await ours.issue("*");
    expect(await ping(as(address, with_(wildcard)))).toContain("does not name one node");
    const own = await ours.issue("node-b");
    const span = { validMs: 86_400_000, nowMs: Date.now() };
    const child = await issueNode(own, { nodeId: "node-c", ...span });
    const chain = { key: child.key, certificate: child.certificate + own.certificate };
    expect(await ping(as(address, with_(chain)))).toStartWith("unauthenticated bad-certificate");
  });

  test("lets two organisations federate, each with its own authority", async () => {
    const address = await listen("mtls", [ours, foreign]);
    expect(await ping(as(address, with_(await foreign.issue("node-x"))))).toBe("taken for node-x");
    expect(await ping(as(address, with_(await ours.issue("node-b"))))).toBe("taken for node-b");
  });
});

/** A stream that has begun; `ended` gives the sentence it ends with. */
async function follow(
  channel: Channel,
): Promise<{ ended: Promise<string>; isOver: () => boolean }> {
  const stream = channel.stream(replication.follow, { registerId: "r" });
  await stream.next();
  let isOver = false;
  const ended = stream.next().then(
    () => "an answer",
    (error) => String(error.message),
  );
  ended.then(() => {
    isOver = true;
  });
  return { ended, isOver: () => isOver };
}

describe("Certificates that change under a running listener", () => {
  test("new connections meet the new certificate, open ones stay", async () => {
    const address = await listen("mtls");
    const own = await ours.issue("node-b");
    const before = as(address, with_(own));
    await ping(before);
    const moved = await Organisation.make("Moved");
    await writeTls(folder, { own: await moved.issue("node-a"), trusts: [ours, moved] });
    await files?.reload();
    expect(await ping(before)).toBe("taken for node-b");
    expect(await ping(as(address, with_(own)))).toContain("self signed certificate");
    const knowing = as(address, { tls: { own, trusts: [moved] } });
    expect(await ping(knowing)).toBe("taken for node-b");
  });

  test("an authority that is trusted no longer ends its nodes' calls, on open connections too", async () => {
    const address = await listen("mtls", [ours, foreign]);
    const stranger = as(address, with_(await foreign.issue("node-x")));
    expect(await ping(stranger)).toBe("taken for node-x");
    await writeTls(folder, { own: await ours.issue("node-a"), trusts: [ours] });
    await files?.reload();
    expect(await ping(stranger)).toContain("The authorities changed");
  });

  test("open streams of its nodes end too, and nobody else's (weakness 16)", async () => {
    const address = await listen("mtls", [ours, foreign]);
    const stranger = await follow(as(address, with_(await foreign.issue("node-x"))));
    const friend = await follow(as(address, with_(await ours.issue("node-b"))));
    await writeTls(folder, { own: await ours.issue("node-a"), trusts: [ours] });
    await files?.reload();
    expect(await stranger.ended).toContain("The authorities changed");
    expect(friend.isOver()).toBe(false);
  });

  test("streams end with the certificate or token that let them in (weakness 16)", async () => {
    const certified = await listen("mtls");
    const late = await follow(as(certified, with_(await ours.issue("node-b", { days: 1 }))));
    laterMs = 2 * 86_400_000;
    expect(await late.ended).toContain("certificate has expired");
    laterMs = 0;
    await rpc.close();
    await files?.close();
    const address = await listen("token");
    const bearer = async (subject: string) => {
      const lifetimeMs = 3_600_000;
      const token = await tokens.mint({ subject, isService: true, isPeer: true, lifetimeMs });
      const holder = await tokens.callerOf(`Bearer ${token}`);
      const who = { ...with_(null), authorization: `Bearer ${token}` };
      return { tokenId: holder.isAnonymous ? "" : holder.tokenId, channel: as(address, who) };
    };
    const [one, other] = [await bearer("node-b"), await bearer("node-c")];
    const [taken, kept] = [await follow(one.channel), await follow(other.channel)];
    revoked.add(one.tokenId);
    expect(await taken.ended).toContain("revoked");
    expect(kept.isOver()).toBe(false);
    laterMs = 2 * 3_600_000;
    expect(await kept.ended).toContain("expired");
  });

  test("files that don't belong together are not taken", async () => {
    const address = await listen("mtls");
    const own = await ours.issue("node-b");
    await Bun.write(paths.key, (await ours.issue("node-a")).key);
    await files?.reload();
    expect(await ping(as(address, with_(own)))).toBe("taken for node-b");
    await writeTls(folder, { own: await ours.issue("node-z"), trusts: [ours] });
    await files?.reload();
    expect(await ping(as(address, with_(own)))).toBe("taken for node-b");
  });
});

describe("The asking side", () => {
  function outgoing(from: TlsFiles): Outgoing {
    const key = identityOf("node-b", new Uint8Array(32).fill(3));
    return new Outgoing({
      nodeId: "node-b",
      key,
      tls: from,
      token: () => null,
      nowMs: () => Date.now() + laterMs,
    });
  }

  async function met(peerId: string | null, trusts = [ours]): Promise<string> {
    const address = await listen("mtls");
    const at = join(folder, "b");
    const own = await openFiles(
      await writeTls(at, { own: await ours.issue("node-b"), trusts }),
      "node-b",
    );
    const meeting = outgoing(own).meet(peerId);
    const channel = channelOf(meeting, { address, nodeId: "node-b", peerId });
    channels.push(channel);
    const told = await ping(channel);
    await own.close();
    return told.startsWith("taken") ? `met ${meeting.certifiedId()}` : told;
  }

  test("finds out who answers, and holds it to the name it expects", async () => {
    expect(await met(null)).toBe("met node-a");
    await rpc.close();
    expect(await met("node-a")).toBe("met node-a");
  });

  test("hangs up on another node than the one it means", async () => {
    expect(await met("node-c")).toContain("The certificate there is node-a's, not node-c's");
  });

  test("parts with a node whose authority is struck off, or whose certificate ends, while connected", async () => {
    const address = await listen("mtls");
    const at = join(folder, "b");
    const given = { own: await ours.issue("node-b"), trusts: [ours] };
    const own = await openFiles(await writeTls(at, given), "node-b");
    const meeting = outgoing(own).meet("node-a");
    const channel = channelOf(meeting, { address, nodeId: "node-b", peerId: "node-a" });
    channels.push(channel);
    expect(meeting.lostTrust()).toBeNull();
    await ping(channel);
    expect(meeting.lostTrust()).toBeNull();
    laterMs = 365 * 86_400_000;
    expect(meeting.lostTrust()).toContain("expired");
    laterMs = 0;
    await writeTls(at, { ...given, trusts: [foreign] });
    await own.reload();
    expect(meeting.lostTrust()).toContain("not trusted now");
    await own.close();
  });

  test("hangs up on a node of a foreign authority", async () => {
    expect(await met("node-a", [foreign])).toContain("self signed certificate");
  });
});

describe("peerAuth open with certificates", () => {
  test("asks for none, believes a good one and refuses a bad one", async () => {
    const address = await listen("open");
    expect(await ping(as(address, with_(null)))).toBe("taken for null");
    expect(await ping(as(address, with_(await ours.issue("node-b"))))).toBe("taken for node-b");
    expect(await ping(as(address, with_(await foreign.issue("node-b"))))).toStartWith(
      "unauthenticated bad-certificate",
    );
  });
});
