/** A relay over real gRPC: who can't be dialled keeps a line open there. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import type { PeerError } from "../../src/base/error.ts";
import { newSeed, publicKeyOfSeed } from "../../src/dockets/keys.ts";
import { Book } from "../../src/peers/book.ts";
import { type Identity, identityOf } from "../../src/peers/identity.ts";
import { KeptLines } from "../../src/peers/kept-lines.ts";
import { type Letter, Post } from "../../src/peers/post.ts";
import { signMessage } from "../../src/peers/signed-message.ts";
import { communicationHandlers } from "../../src/rpc/communication.ts";
import * as rpc from "../../src/rpc/server.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { limits } from "../../src/runtime/limits.ts";
import * as logHolder from "../../src/runtime/log.ts";
import { nodeIdOfKey } from "../../src/trust/node-key.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { messageType, type PeerMessage } from "../../src/wire/distribution-messages.ts";
import { communication } from "../../src/wire/services.ts";
import { errorOf } from "../support/error-of.ts";

const clock = systemClock;
const payload = Buffer.from("a vote");
const type = messageType.sealing;

/** Named by its key, so that the signature alone proves the name. */
function newIdentity(): Identity {
  const seed = newSeed();
  return identityOf(nodeIdOfKey(publicKeyOfSeed(seed)), seed);
}

const [alice, carol, dave, relayId] = [newIdentity(), newIdentity(), newIdentity(), "relay"];
let relay = postOf(identityOf(relayId, newSeed()), { relay: true });
const channels: Channel[] = [];
let address = "";

function postOf(
  identity: Identity,
  given: {
    relay?: boolean;
    relayVia?: string[];
    channelTo?: (peerId: string) => Channel | null;
    at?: Pick<Clock, "nowMs" | "monotonicMs">;
  },
): Post {
  const book = new Book({ ownId: identity.nodeId, nowMs: clock.nowMs, isGenuine: () => true });
  const { relay: isOn = false, relayVia = [], channelTo = () => null, at = clock } = given;
  return new Post({ identity, book, channelTo, clock: at, relay: isOn, relayVia });
}

/** Knows the relay's address and nobody else's. */
function behindNat(identity: Identity): Post {
  const channel = channelOf(identity.nodeId);
  const channelTo = (peerId: string) => (peerId === relayId ? channel : null);
  return postOf(identity, { relayVia: [relayId], channelTo });
}

function channelOf(nodeId: string): Channel {
  const channel = openChannel({ address, nodeId });
  channels.push(channel);
  return channel;
}

const letters: Letter[] = [];
let atCarol: Post;
let lines: KeptLines;

beforeAll(async () => {
  logHolder.open({ level: "error", nodeId: relayId });
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: communicationHandlers(() => relay, { clock }),
    showDetails: false,
    isServing: () => true,
    identify: ({ claimedId: peerId }) => ({ peerId, provenId: peerId, publicKey: null }),
  });
  address = `127.0.0.1:${port}`;
  atCarol = behindNat(carol);
  atCarol.on(type, (letter) => void letters.push(letter));
  const channel = channelOf(carol.nodeId);
  lines = new KeptLines({
    nodeId: carol.nodeId,
    peerIds: [relayId],
    channelTo: () => channel,
    hear: (message) => atCarol.hear(message),
    clock,
    dice: () => 0,
    log: logHolder.logFor("peers"),
  });
  await until(async () => {
    await relay.send(carol.nodeId, { type, payload });
    return true;
  });
  await until(() => letters.length === 1);
});

beforeEach(() => {
  letters.length = 0;
});

afterAll(async () => {
  await lines.stop();
  for (const channel of channels) channel.close();
  await rpc.close();
  logHolder.close();
});

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await Promise.resolve(isSo()).catch(() => false))) await Bun.sleep(5);
}

/** As `sender` itself would bring it. */
function signed(given: { from?: Identity; to?: string; sequence?: number } = {}): PeerMessage {
  const { from = alice, to = carol.nodeId, sequence = clock.nowMs() * 1_000 } = given;
  const unsigned = { sequence: 0, publicKey: new Uint8Array(), signature: new Uint8Array() };
  const about = { senderPeerId: from.nodeId, recipientPeerId: to, messageType: type };
  const message = { ...about, ...unsigned, payload, timestamp: clock.nowMs() };
  return signMessage(message, { sequence, identity: from });
}

const bring = (message: PeerMessage, by: string) =>
  channelOf(by).unary(communication.sendMessage, message, { deadlineMs: 5_000 });

test("two that nobody can dial hear each other through it, and know who spoke", async () => {
  await behindNat(alice).send(carol.nodeId, { type, payload });
  await until(() => letters.length === 1);
  expect(letters[0]).toMatchObject({ from: alice.nodeId, isProven: true });
  expect(Buffer.from(letters[0]?.payload ?? []).toString()).toBe("a vote");
});

test("a line that breaks is opened again", async () => {
  const opening = { ...signed({ from: carol, to: relayId }), messageType: messageType.heartbeat };
  const another = channelOf(carol.nodeId).stream(communication.stream, opening, {
    staysOpen: true,
  });
  // A peer has one line: this one ends carol's, and hers, opened anew, ends this.
  expect((await another.next()).done).toBe(true);
  await until(async () => (await bring(signed(), alice.nodeId)).received);
  await until(() => letters.length > 0);
});

test("what can't be passed on is refused, each with its own reason", async () => {
  const refused = async (message: PeerMessage, by = alice.nodeId) => {
    const error = (await errorOf(bring(message, by))) as PeerError;
    return [error.facts.grpcStatus, error.code];
  };
  expect(await refused(signed({ to: "nobody" }))).toEqual([status.NOT_FOUND, "unknown-recipient"]);
  expect(await refused(signed({ to: "*" }))).toEqual([status.NOT_FOUND, "unknown-recipient"]);
  const bare = { ...signed(), signature: new Uint8Array(64) };
  expect(await refused(bare)).toEqual([status.UNAUTHENTICATED, "unsigned"]);
  expect(await refused({ ...signed(), payload: Buffer.from("another") })).toEqual([
    status.UNAUTHENTICATED,
    "unsigned",
  ]);
  // One hop: who carries another's message is not heard, by whatever name it calls.
  expect(await refused(signed(), dave.nodeId)).toEqual([status.UNAUTHENTICATED, "false-identity"]);
  const nameless = openChannel({ address });
  channels.push(nameless);
  const unproven = nameless.unary(communication.sendMessage, signed(), { deadlineMs: 5_000 });
  expect(await errorOf(unproven)).toMatchObject({ kind: "unauthenticated", code: "unproven" });
  const on = relay;
  relay = postOf(identityOf(relayId, newSeed()), {});
  expect(await refused(signed())).toEqual([status.FAILED_PRECONDITION, "relay-off"]);
  relay = on;
  expect(letters).toHaveLength(0);
});

test("what a relay made up, changed, kept for later or gives to another is not believed", async () => {
  const codeOf = async (message: PeerMessage) =>
    ((await errorOf(atCarol.hear(message))) as PeerError).code;
  const message = signed();
  await atCarol.hear(message);
  expect(await codeOf(message)).toBe("not-fresh");
  expect(await codeOf({ ...signed(), payload: Buffer.from("another") })).toBe("false-signature");
  expect(await codeOf({ ...signed(), messageType: 101 })).toBe("false-signature");
  expect(await codeOf({ ...signed(), sequence: 1 })).toBe("false-signature");
  expect(await codeOf({ ...signed({ from: dave }), senderPeerId: alice.nodeId })).toBe(
    "false-signature",
  );
  const feigned = identityOf(alice.nodeId, newSeed());
  expect(await codeOf(signed({ from: feigned }))).toBe("false-signature");
  await atCarol.hear(signed({ from: identityOf("a-name", newSeed()) }));
  expect(letters.pop()).toMatchObject({ from: "a-name", isProven: false });
  expect(await codeOf(signed({ to: dave.nodeId }))).toBe("not-for-us");
  expect(await codeOf({ ...signed({ to: dave.nodeId }), recipientPeerId: carol.nodeId })).toBe(
    "false-signature",
  );
  const aheadUs = (clock.nowMs() + limits.lines.freshMs + 1_000) * 1_000;
  expect(await codeOf(signed({ sequence: aheadUs }))).toBe("not-fresh");
  // Heard before the last start, of which nothing is remembered.
  const early = signed();
  await Bun.sleep(2);
  atCarol = behindNat(carol);
  atCarol.on(type, (letter) => void letters.push(letter));
  expect(await codeOf(early)).toBe("not-fresh");
  expect(letters).toHaveLength(1);
});

test("thousands of messages of one sender come once each, however they are mixed", async () => {
  const count = 2 * limits.lines.sequences;
  const startUs = (clock.nowMs() + 1_000) * 1_000;
  const messages = Array.from({ length: count }, (_, at) => signed({ sequence: startUs + at }));
  for (let at = 0; at < count; at += 2) {
    await atCarol.hear(messages[at + 1] as PeerMessage);
    await atCarol.hear(messages[at] as PeerMessage);
  }
  for (const message of messages) await errorOf(atCarol.hear(message));
  expect(letters).toHaveLength(count);
});

test("a relay is bounded: a sender may come so often", async () => {
  const erin = newIdentity();
  const atNoon = { nowMs: clock.nowMs, monotonicMs: () => 0 };
  const relay = postOf(identityOf(relayId, newSeed()), { relay: true, at: atNoon });
  const asker = { address: "10.0.0.9:1", provenId: erin.nodeId, publicKey: null };
  const unknown = signed({ from: erin, to: "nobody" });
  for (let sent = 0; sent < limits.relayed.burst; sent += 1) {
    expect(((await errorOf(relay.take(unknown, asker))) as PeerError).code).toBe(
      "unknown-recipient",
    );
  }
  expect(await errorOf(relay.take(unknown, asker))).toMatchObject({ code: "too-many-messages" });
});
