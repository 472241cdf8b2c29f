/** Sessions that break at any step: what was in force stays, and the next session is whole. */
import { describe, expect, test } from "bun:test";
import { policyOfGroup } from "../../src/sealing/threshold/group-keys.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import { expectSigns, named, withGroup } from "./key-group.ts";
import { kindOf } from "./key-lies.ts";
import { KeyNet, type KeyNode } from "./key-net.ts";

/** So many messages a proposer of four sends before its certificate goes out. */
const messagesMost = 19;

/** The node dies after so many messages; gives whether it came to that. */
function dieAfter(node: KeyNode, messages: number): () => boolean {
  let left = messages;
  node.meddle = (posted) => {
    left -= 1;
    if (left === 0) node.crash();
    return left > 0 ? [posted] : [];
  };
  return () => left <= 0;
}

async function comeBack(node: KeyNode): Promise<void> {
  node.meddle = (posted) => [posted];
  if (!node.isUp) await node.restart();
}

describe("who proposes dies after any number of messages", () => {
  test("and a handing on to the same four leaves their shares in force, then works", async () => {
    for (let messages = 1; messages <= messagesMost; messages += 3) {
      const net = new KeyNet(100 + messages);
      const nodes = await withGroup(net, { count: 4, threshold: 3 });
      const [first] = nodes as [KeyNode];
      const { policy } = net;
      const story = `a crash after ${messages} messages`;
      const isDead = dieAfter(first, messages);
      await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
      await net.clock.pass(200_000);
      expect([story, isDead()]).toEqual([story, true]);
      await comeBack(first);
      expect(net.policy).toBe(policy);
      for (const away of nodes) {
        await expectSigns(
          net,
          nodes.filter((node) => node !== away),
          `${story}, without ${away.validatorId}`,
        );
      }
      await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
      await net.passSession(first);
      expect([story, first.session()]).toMatchObject([story, { state: "finished", faults: [] }]);
      expect(net.policy.groupShares).not.toBe(policy.groupShares as string);
      for (const node of nodes) expect(node.store.epochs.length).toBeLessThanOrEqual(3);
      await expectSigns(net, nodes.slice(1), `${story}, handed on`);
      net.close();
    }
  });

  test("and the next first key has the same number, and everybody's hand in it", async () => {
    for (let messages = 1; messages <= messagesMost; messages += 3) {
      const net = new KeyNet(200 + messages);
      const nodes = net.addMany(4);
      const [first] = nodes as [KeyNode];
      const story = `a crash after ${messages} messages`;
      const isDead = dieAfter(first, messages);
      await first.coordinator.init("r", { threshold: 3, validators: named(nodes) });
      await net.clock.pass(200_000);
      expect([story, isDead(), net.policy.version]).toEqual([story, true, 1]);
      await comeBack(first);
      await first.coordinator.init("r", { threshold: 3, validators: named(nodes) });
      await net.passSession(first);
      expect([story, first.session()]).toMatchObject([story, { state: "finished", faults: [] }]);
      for (const node of nodes) {
        expect([story, node.coordinator.groupOf("r")?.threshold]).toEqual([story, 3]);
      }
      await expectSigns(net, nodes.slice(1), story);
      net.close();
    }
  });
});

describe("a member dies after any number of messages", () => {
  test("and the others have their key; it has a share where it had confirmed it", async () => {
    for (let messages = 1; messages <= 9; messages += 1) {
      const net = new KeyNet(300 + messages);
      const nodes = net.addMany(4);
      const [first, second] = nodes as [KeyNode, KeyNode];
      const story = `a member's crash after ${messages} messages`;
      dieAfter(second, messages);
      await first.coordinator.init("r", { threshold: 3, validators: named(nodes) });
      await net.passSession(first);
      expect([story, first.session()?.state]).toEqual([story, "finished"]);
      await comeBack(second);
      const others = nodes.filter((node) => node !== second);
      await expectSigns(net, others, story);
      if (second.coordinator.groupOf("r") !== null)
        await expectSigns(net, nodes.slice(0, 3), story);
      await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
      await net.passSession(first);
      expect([story, first.session()?.state]).toEqual([story, "finished"]);
      await expectSigns(net, nodes.slice(0, 3), `${story}, handed on`);
      net.close();
    }
  });
});

describe("who proposes", () => {
  test("dies for good: another validator takes over once the rest gave it up", async () => {
    const net = new KeyNet(501);
    const nodes = await withGroup(net, { count: 7, threshold: 4 });
    const [first, second] = nodes as [KeyNode, KeyNode];
    dieAfter(first, 20);
    const wanted = { threshold: 4, validators: named(nodes) };
    await first.coordinator.reshare("r", wanted);
    await net.clock.pass(5_000);
    const early = await second.coordinator.reshare("r", wanted).catch((error) => error);
    expect(early).toMatchObject({ code: "session-running" });
    expect(early.message).toContain("by v1");
    await net.clock.pass(200_000);
    expect(second.session()).toMatchObject({ state: "failed", code: "silent-proposer" });
    await second.coordinator.reshare("r", wanted);
    await net.passSession(second);
    expect(second.session()).toMatchObject({ state: "finished" });
    expect(second.session()?.faults).toContainEqual({ validatorId: "v1", code: "silent" });
    await expectSigns(net, nodes.slice(1), "without who proposed first");
    net.close();
  });

  test("leaves one out: it gives up, the rest have their key, and another takes it in", async () => {
    const net = new KeyNet(502);
    const nodes = await withGroup(net, { count: 4, threshold: 3 });
    const [first, second, third] = nodes as [KeyNode, KeyNode, KeyNode];
    third.meddle = (posted) => (kindOf(posted) === "accept" ? [] : [posted]);
    await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(first);
    await net.clock.pass(100_000);
    expect(third.session()).toMatchObject({ state: "failed", code: "silent-proposer" });
    expect(first.session()).toMatchObject({ state: "finished" });
    expect(third.coordinator.groupOf("r")).toBeNull();
    third.meddle = (posted) => [posted];
    await second.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(second);
    expect(second.session()).toMatchObject({ state: "finished" });
    await expectSigns(net, nodes.slice(1), "with who was left out");
    net.close();
  });
});

describe("a confirmed share", () => {
  test("counts once a policy names it, though its holder never saw the end", async () => {
    const net = new KeyNet(401);
    const nodes = net.addMany(4);
    const [first, , , last] = nodes as [KeyNode, KeyNode, KeyNode, KeyNode];
    let boards = 0;
    first.meddle = (posted) => {
      if (posted.to !== "v4" || posted.type !== messageType.keyGeneration) return [posted];
      boards += 1;
      // Proposal, roster, deals, responses, justifications; the certificate is lost.
      return boards > 5 ? [] : [posted];
    };
    await first.coordinator.init("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(first);
    expect(first.session()?.state).toBe("finished");
    expect(last.latest()?.state).toBe("pending");
    await expectSigns(net, nodes.slice(1), "with a share whose certificate was lost");
    net.close();
  });

  test("is kept beside that of a later session of the same number until one is named", async () => {
    const net = new KeyNet(402);
    const nodes = await withGroup(net, { count: 4, threshold: 3 });
    const [first, second] = nodes as [KeyNode, KeyNode];
    const before = net.policy;
    await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(first);
    // The policy of that session is still on its way when another member begins one.
    net.policy = before;
    await second.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(second);
    net.policy = before;
    for (const node of nodes) await node.restart();
    await expectSigns(net, nodes.slice(1), "of the key in force");
    const [, one, other] = first.store.epochs;
    for (const made of [one, other, one]) {
      net.policy = policyOfGroup(before, made!);
      await expectSigns(net, nodes.slice(1), `of session ${made?.session}`);
    }
    await second.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    expect(second.store.epochs.map((each) => each.session)).toContain(one!.session);
    await net.passSession(second);
    expect(second.session()).toMatchObject({ state: "finished", faults: [] });
    net.close();
  });
});
