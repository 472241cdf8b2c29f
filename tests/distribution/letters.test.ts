import { expect, test } from "bun:test";
import type { PeerError } from "../../src/base/error.ts";
import type { Announcement } from "../../src/distribution/gossip.ts";
import { readLetters } from "../../src/distribution/letters.ts";
import type { Letter, Post } from "../../src/peers/post.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import { distribution } from "../../src/wire/services.ts";
import { errorOf } from "../support/error-of.ts";

type Read = (letter: Letter) => Promise<void> | void;

const readers = new Map<number, Read>();
const sent: { to: string; type: number; payload: Uint8Array }[] = [];
const heard: [string, Announcement][] = [];
/** Only where a message comes in and goes out: what post does with it is for tests/rpc. */
const post = {
  on: (type: number, read: Read) => {
    readers.set(type, read);
    return { stop: () => readers.delete(type) };
  },
  send: async (to: string, message: { type: number; payload: Uint8Array }) =>
    void sent.push({ to, ...message }),
} as unknown as Post;

const reading = readLetters(post, {
  checkReader: (registerId, readerId) => {
    if (registerId === "private" && readerId !== "reader") throw new Error("not for you");
  },
  hear: ({ peerId }, told) => {
    heard.push([peerId, told]);
    return { alreadyKnown: false, willRequest: true };
  },
  findBody: async (_, id) => (id === "known" ? new Uint8Array([1, 2]) : null),
});

const bring = async (type: number, letter: Partial<Letter> & { payload: Uint8Array }) =>
  readers.get(type)?.({ from: "reader", isProven: true, ...letter });
const request = (registerId: string, transactionHash: string) =>
  distribution.getTransaction.request.encode({ registerId, transactionHash });

test("an announcement by message counts as one by call", async () => {
  const payload = distribution.notifyTransaction.request.encode({
    ...{ registerId: "r", transactionHash: "t", transactionSize: 5 },
  });
  await bring(messageType.transactionNotification, { payload });
  const items = [{ transactionId: "t", bytes: 5 }];
  expect(heard).toEqual([["reader", { registerId: "r", items, isLazy: false }]]);
});

test("a request is answered by a message, to readers that prove their name only", async () => {
  const type = messageType.transactionRequest;
  await bring(type, { payload: request("private", "known") });
  await bring(type, { payload: request("r", "unknown") });
  const answers = sent.map(({ payload }) => distribution.getTransaction.response.decode(payload));
  expect(answers.map(({ found }) => found)).toEqual([true, false]);
  expect(Buffer.from(answers[0]?.transactionData ?? []).toString("hex")).toBe("0102");
  expect(sent.map(({ to, type }) => [to, type])).toEqual([
    ["reader", messageType.transactionResponse],
    ["reader", messageType.transactionResponse],
  ]);
  const refusedTo = async (letter: Partial<Letter>, registerId = "private") =>
    errorOf(bring(type, { payload: request(registerId, "known"), ...letter }));
  expect(((await refusedTo({ isProven: false }, "r")) as PeerError).code).toBe("unproven");
  expect(((await refusedTo({ from: "other" })) as Error).message).toBe("not for you");
  expect(sent.length).toBe(2);
});

test("what was not asked for, or is no such message, is refused", async () => {
  const unasked = bring(messageType.transactionResponse, { payload: new Uint8Array(3) });
  expect(((await errorOf(unasked)) as PeerError).code).toBe("not-asked");
  for (const type of [messageType.transactionNotification, messageType.transactionRequest]) {
    const junk = bring(type, { payload: new Uint8Array([255, 255, 255]) });
    expect(((await errorOf(junk)) as PeerError).code).toBe("bad-message");
    expect(((await errorOf(bring(type, { payload: new Uint8Array(0) }))) as PeerError).kind).toBe(
      "invalid",
    );
  }
  reading.stop();
  expect(readers.size).toBe(0);
});
