import { expect, test } from "bun:test";
import { Lines } from "../../src/peers/lines.ts";
import { limits } from "../../src/runtime/limits.ts";
import type { PeerMessage } from "../../src/wire/distribution-messages.ts";
import { errorOf } from "../support/error-of.ts";

function messageOf(bytes: number): PeerMessage {
  const about = { senderPeerId: "a", recipientPeerId: "b", messageType: 100, timestamp: 0 };
  const signed = { sequence: 1, publicKey: new Uint8Array(), signature: new Uint8Array() };
  return { ...about, ...signed, payload: new Uint8Array(bytes) };
}

/** A line whose reader took its first message and stands still since. */
async function opened(lines: Lines, peerId: string) {
  const said = lines.open(peerId, new AbortController().signal);
  const first = said.next();
  await Promise.resolve();
  lines.say(peerId, messageOf(0));
  await first;
  return { said };
}

const fullOf = async (lines: Lines, peerId: string, bytes: number): Promise<number> => {
  for (let count = 0; ; count += 1) {
    const error = await errorOf((async () => lines.say(peerId, messageOf(bytes)))()).catch(
      () => null,
    );
    if (error === null) continue;
    expect(error).toMatchObject({ kind: "exhausted", code: "line-full" });
    return count;
  }
};

test("a line holds so many messages and bytes, all lines together so many, and no more", async () => {
  const lines = new Lines();
  expect(lines.say("nobody", messageOf(1))).toBe(false);
  const line = await opened(lines, "b");
  expect(await fullOf(lines, "b", 1)).toBe(limits.lines.messages);
  await line.said.return(undefined);
  const { bytes, bytesOfAll } = limits.lines;
  const size = bytes / 16;
  const names = Array.from({ length: bytesOfAll / bytes }, (_, index) => `n${index}`);
  const stalled = await Promise.all(names.map((name) => opened(lines, name)));
  for (const name of names) expect(await fullOf(lines, name, size)).toBe(16);
  await opened(lines, "late");
  expect(await fullOf(lines, "late", size)).toBe(0);
  // What was said to one that went away makes room for others.
  await stalled[0]?.said.return(undefined);
  expect(await fullOf(lines, "late", size)).toBe(16);
});

test("a line ends with its signal, once what was said is said", async () => {
  const lines = new Lines();
  const stop = new AbortController();
  const said = lines.open("b", stop.signal);
  const first = said.next();
  await Promise.resolve();
  for (let count = 0; count < 3; count += 1) lines.say("b", messageOf(1));
  await first;
  stop.abort();
  let heard = 0;
  for await (const _ of said) heard += 1;
  expect([heard, lines.count]).toEqual([2, 0]);
});

test("a peer has one line, and there are so many", async () => {
  const lines = new Lines();
  const old = await opened(lines, "b");
  const end = old.said.next();
  const young = await opened(lines, "b");
  expect((await end).done).toBe(true);
  expect(lines.count).toBe(1);
  lines.say("b", messageOf(1));
  expect((await young.said.next()).value?.payload).toHaveLength(1);
  for (let count = 1; count < limits.lines.count; count += 1) await opened(lines, `n${count}`);
  const refused = lines.open("late", new AbortController().signal).next();
  expect(await errorOf(refused)).toMatchObject({ kind: "unavailable", code: "busy" });
  await opened(lines, "n1");
  expect(lines.count).toBe(limits.lines.count);
});
