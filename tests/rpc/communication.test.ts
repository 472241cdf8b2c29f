import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { newSeed } from "../../src/dockets/keys.ts";
import { Book } from "../../src/peers/book.ts";
import { identityOf } from "../../src/peers/identity.ts";
import { type Letter, Post } from "../../src/peers/post.ts";
import { communicationHandlers } from "../../src/rpc/communication.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { messageType, type PeerMessage } from "../../src/wire/distribution-messages.ts";
import { communication } from "../../src/wire/services.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { errorOf } from "../support/error-of.ts";

const clock = new SimClock();
const letters: Letter[] = [];
const postOf = (nodeId: string, channelTo: (peerId: string) => Channel | null) =>
  new Post({
    identity: identityOf(nodeId, newSeed()),
    book: new Book({ ownId: nodeId, nowMs: clock.nowMs, isGenuine: () => true }),
    channelTo,
    clock,
    relay: false,
    relayVia: [],
  });
const bob = postOf("bob", () => null);
let address = "";
let toBob: Channel;
let alice: Post;

beforeAll(async () => {
  bob.on(messageType.sealing, (letter) => void letters.push(letter));
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: communicationHandlers(() => bob, { clock }),
    showDetails: false,
    isServing: () => true,
    identify: ({ claimedId: peerId }) => {
      return { peerId, provenId: peerId?.startsWith("liar") ? null : peerId, publicKey: null };
    },
  });
  address = `127.0.0.1:${port}`;
  toBob = openChannel({ address, nodeId: "alice" });
  alice = postOf("alice", (peerId) => (peerId === "bob" ? toBob : null));
});
afterAll(async () => {
  toBob.close();
  await rpc.close();
});

const payload = Buffer.from("a vote");

/** A line to bob, as a grpc-js client without our code opens it. */
function lineOf(nodeId: string) {
  const method = communication.stream;
  const client = new Client(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("sorcha-node-id", nodeId);
  const call = client.makeBidiStreamRequest(
    method.path,
    (message: object) => Buffer.from(method.request.encode(message)),
    (bytes: Buffer) => method.response.decode(bytes),
    metadata,
  );
  const heard: PeerMessage[] = [];
  call.on("data", (message: PeerMessage) => heard.push(message));
  const ended = new Promise<string>((resolve) => {
    call.on("error", (error) => resolve(error.message));
    call.on("end", () => resolve("ended"));
  });
  const say = (messageType: number) =>
    call.write({ senderPeerId: nodeId, recipientPeerId: "bob", messageType, payload });
  return { call, heard, ended, say, close: () => client.close() };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(5);
}

test("a message reaches the reader of its type, with who sent it", async () => {
  await alice.send("bob", { type: messageType.sealing, payload });
  const letter = letters.pop();
  expect(letter).toMatchObject({ from: "alice", isProven: true });
  expect(Buffer.from(letter?.payload ?? []).toString()).toBe("a vote");
});

test("types that nobody reads, other recipients and false senders are refused", async () => {
  const unread = await errorOf(alice.send("bob", { type: messageType.keyGeneration, payload }));
  expect(unread).toMatchObject({ kind: "invalid", code: "unknown-message-type" });
  const draft = { senderPeerId: "alice", recipientPeerId: "carol", messageType: 100, payload };
  const options = { deadlineMs: 5_000 };
  const astray = await errorOf(toBob.unary(communication.sendMessage, draft, options));
  expect(astray).toMatchObject({ kind: "conflict", code: "relay-off" });
  const forged = { ...draft, senderPeerId: "carol", recipientPeerId: "bob" };
  const lie = await errorOf(toBob.unary(communication.sendMessage, forged, options));
  expect(lie).toMatchObject({ kind: "unauthenticated", code: "false-identity" });
  expect(letters).toHaveLength(0);
});

test("a message is bounded, and so is how many of them a host may send", async () => {
  const huge = Buffer.alloc(limits.peerMessageBytes + 1);
  const error = await errorOf(alice.send("bob", { type: messageType.sealing, payload: huge }));
  expect(error).toMatchObject({ kind: "too-large", code: "message-too-large" });
  const unsigned = { sequence: 0, publicKey: new Uint8Array(), signature: new Uint8Array() };
  const about = { senderPeerId: "alice", recipientPeerId: "", messageType: 100, timestamp: 0 };
  const message = { ...about, ...unsigned, payload };
  const asker = { address: "10.0.0.9:1", provenId: "alice", publicKey: null };
  const { burst } = limits.peerMessages;
  for (let sent = 0; sent < burst; sent += 1) await bob.take(message, asker);
  const refused = await errorOf(bob.take(message, asker));
  expect(refused).toMatchObject({ kind: "exhausted", code: "too-many-messages" });
  expect(letters.splice(0)).toHaveLength(burst);
});

test("a peer out of reach hears us on the line that it opened, and no stranger does", async () => {
  const unreached = await errorOf(bob.send("carol", { type: messageType.sealing, payload }));
  expect(unreached).toMatchObject({ kind: "network", code: "unreachable" });
  const carol = lineOf("carol");
  const liar = lineOf("liar-carol");
  carol.say(messageType.sealing);
  liar.say(messageType.sealing);
  await until(() => letters.length === 2);
  letters.length = 0;
  await bob.send("carol", { type: messageType.sealing, payload });
  await until(() => carol.heard.length === 1);
  expect(carol.heard[0]).toMatchObject({ senderPeerId: "bob", recipientPeerId: "carol" });
  const lied = await errorOf(bob.send("liar-carol", { type: messageType.sealing, payload }));
  expect(lied).toMatchObject({ code: "unreachable" });
  carol.say(messageType.keyGeneration);
  expect(await carol.ended).toContain("Nobody here reads messages of type 101");
  liar.call.end();
  expect(await liar.ended).toBe("ended");
  expect(liar.heard).toHaveLength(0);
  carol.close();
  liar.close();
});
