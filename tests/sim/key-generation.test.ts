import { describe, expect, test } from "bun:test";
import { limits } from "../../src/runtime/limits.ts";
import { phases } from "../../src/sealing/threshold/board.ts";
import { readMessage } from "../../src/sealing/threshold/signed.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import { blsKeyShareCodec } from "../../src/wire/services.ts";
import { docketHash, expectSigns, named, withGroup } from "./key-group.ts";
import { bentShare, kindOf, rewritten } from "./key-lies.ts";
import { KeyNet, type KeyNode, type Posted } from "./key-net.ts";

const only = process.env.SEED === undefined ? null : Number(process.env.SEED);

/** What a member may do that it should not; t members are as they should be beside them. */
const misdeeds: Record<string, (node: KeyNode, net: KeyNet) => void> = {
  "is silent from the start": (node) => {
    node.isUp = false;
    node.meddle = () => [];
  },
  "falls silent in the middle": (node, net) => {
    let left = 1 + Math.floor(net.dice() * 8);
    node.meddle = (posted) => {
      left -= 1;
      return left > 0 ? [posted] : [];
    };
  },
  "crashes in the middle": (node, net) => {
    let left = 1 + Math.floor(net.dice() * 8);
    node.meddle = (posted) => {
      left -= 1;
      if (left === 0) node.crash();
      return left > 0 ? [posted] : [];
    };
  },
  "deals false shares and does not justify": (node) => {
    node.meddle = (posted) => {
      if (posted.type === messageType.blsKeyShareDistribution) return [bentShare(posted)];
      return kindOf(posted) === "justification" ? [] : [posted];
    };
  },
  "deals false shares and opens others": (node) => {
    node.meddle = (posted) => {
      if (posted.type === messageType.blsKeyShareDistribution) return [bentShare(posted)];
      return [
        rewritten(node, posted, "justification", (message) => {
          for (const opening of message.justification?.openings ?? []) opening.share[31]! ^= 1;
        }),
      ];
    };
  },
  "commits to something else": (node) => {
    node.meddle = (posted) => [
      rewritten(node, posted, "deal", (message) => message.deal?.commitments.reverse()),
    ];
  },
  "sends too few commitments": (node) => {
    node.meddle = (posted) => [
      rewritten(node, posted, "deal", (message) => message.deal?.commitments.pop()),
    ];
  },
  "complains of everybody": (node, net) => {
    node.meddle = (posted) => [
      rewritten(node, posted, "response", (message) => {
        message.response = { complaints: [...net.nodes.keys()] };
      }),
    ];
  },
  "says everything twice, differently": (node) => {
    node.meddle = (posted) => {
      if (posted.type !== messageType.keyGeneration) return [posted];
      const { body } = readMessage(posted.payload).message;
      const other = rewritten(node, posted, body, (message) => {
        if (message.deal) message.deal.commitments.reverse();
        if (message.response) message.response.complaints.push("v1");
        if (message.confirmation) message.confirmation.resultHash[0]! ^= 1;
      });
      return [posted, other];
    };
  },
  "confirms something else": (node) => {
    node.meddle = (posted) => [
      rewritten(node, posted, "confirmation", (message) => {
        message.confirmation!.resultHash[0]! ^= 1;
      }),
    ];
  },
};

const seeds = only === null ? Array.from({ length: 100 }, (_, at) => at + 1) : [only];

describe("100 seeded sessions in which n − t members misbehave", () => {
  for (const part of [0, 1, 2, 3]) {
    test(`end with one key that t honest members can use, part ${part + 1}`, async () => {
      for (const seed of seeds.filter((each) => only !== null || each % 4 === part)) {
        await runSeed(seed);
      }
    });
  }
});

async function runSeed(seed: number): Promise<void> {
  const net = new KeyNet(seed);
  const [count, threshold] = (
    [
      [4, 3],
      [3, 2],
      [5, 3],
      [4, 3],
      [7, 4],
    ] as const
  )[seed % 5]!;
  const nodes = net.addMany(count);
  const names = Object.keys(misdeeds);
  const bad = nodes.slice(threshold);
  const done = bad.map((node) => {
    const name = names[Math.floor(net.dice() * names.length)] as string;
    misdeeds[name]?.(node, net);
    return `${node.validatorId} ${name}`;
  });
  const [first] = nodes as [KeyNode];
  await first.coordinator.init("r", { threshold, validators: named(nodes) });
  await net.passSession(first);
  const honest = nodes.slice(0, threshold);
  const ended = JSON.stringify(first.session());
  const story = `SEED=${seed} ${count}/${threshold}: ${done.join("; ")}: ${ended}`;
  expect([story, first.session()?.state]).toEqual([story, "finished"]);
  expect([story, keysOf(honest)]).toEqual([story, 1]);
  await expectSigns(net, honest, story);
  net.close();
}

describe("handing a key on", () => {
  test("to other members and another threshold keeps it; old shares are of no use", async () => {
    const net = new KeyNet(7);
    const old = await withGroup(net, { count: 4, threshold: 3 });
    const key = net.policy.groupPublicKey;
    const before = old.map((node) => node.latest());
    const next = [old[0]!, old[1]!, net.add("w1"), net.add("w2"), net.add("w3")];
    old[3]!.isUp = false;
    await old[0]!.coordinator.reshare("r", { threshold: 4, validators: named(next) });
    await net.passSession(old[0]!);
    expect(old[0]!.session()).toMatchObject({ state: "finished", kind: "reshare" });
    expect(net.policy).toMatchObject({ groupPublicKey: key, threshold: 4, version: 3 });
    await expectSigns(net, next.slice(1), "reshared");
    expect(next[0]!.latest()?.share).not.toBe(before[0]?.share as bigint);
    expect(old[2]!.coordinator.groupOf("r")).toBeNull();
    // One old share among the new ones spoils nothing but itself.
    const [group, ...others] = next.map((node) => node.coordinator.groupOf("r")!);
    const parts = others.map((one) => ({
      index: one.index,
      signature: one.signPartial(docketHash),
    }));
    net.policy = { ...net.policy };
    const stale = { index: 1, signature: parts[1]!.signature };
    const finding = group!.assemble(docketHash, [stale, ...parts]);
    await net.clock.pass(1);
    const found = await finding;
    expect([found.signature?.length, found.faulty]).toEqual([48, ["v1"]]);
    net.close();
  });

  test("gives a share to a member that was away while the key was made", async () => {
    const net = new KeyNet(14);
    const nodes = net.addMany(4);
    nodes[3]!.isUp = false;
    await nodes[0]!.coordinator.init("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    nodes[3]!.isUp = true;
    expect(nodes[3]!.coordinator.groupOf("r")).toBeNull();
    const begunMs = net.clock.nowMs();
    await nodes[0]!.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    const ended = { state: "finished", kind: "reshare", faults: [] };
    expect(nodes[0]!.session()).toMatchObject(ended);
    // Nobody waited for what it has not.
    expect(net.clock.nowMs() - begunMs).toBeLessThan(limits.keyPhaseMs);
    await expectSigns(net, nodes.slice(1), "with the one that was away");
    net.close();
  });

  test("a dealer that deals another secret than its share is left out and named", async () => {
    const net = new KeyNet(8);
    const nodes = await withGroup(net, { count: 4, threshold: 3 });
    const key = net.policy.groupPublicKey;
    const liar = nodes[3]!;
    const epoch = liar.latest()!;
    liar.store.epochs = [{ ...epoch, share: epoch.share + 1n }];
    await liar.restart();
    await nodes[0]!.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    expect(nodes[0]!.session()).toMatchObject({
      state: "finished",
      faults: [{ validatorId: "v4", code: "other-secret" }],
    });
    expect(net.policy.groupPublicKey).toBe(key as string);
    await expectSigns(net, nodes.slice(1), "after the lie");
    net.close();
  });
});

describe("what ends early", () => {
  test("leaves the old key as it was: too many are silent, or who proposed dies", async () => {
    const net = new KeyNet(9);
    const nodes = await withGroup(net, { count: 4, threshold: 3 });
    const { policy } = net;
    const before = nodes.map((node) => node.latest());
    for (const node of nodes.slice(2)) node.isUp = false;
    await nodes[0]!.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    expect(nodes[0]!.session()).toMatchObject({ state: "failed", code: "too-few" });
    expect(nodes[0]!.session()?.message).toContain("v3 (silent), v4 (silent)");
    expect(nodes[1]!.session()).toMatchObject({ state: "failed", code: "too-few" });
    for (const node of nodes) node.isUp = true;
    for (let left = 1; left < 12; left += 2) {
      await crashAfter(net, { nodes, messages: left });
      expect(net.policy).toBe(policy);
      await expectSigns(net, nodes.slice(1), `a crash after ${left} messages`);
    }
    expect(nodes.map((node) => node.coordinator.status("r").epoch)).toEqual([1, 1, 1, 1]);
    expect(nodes.map((node) => node.store.epochs[0]?.share)).toEqual(
      before.map((one) => one?.share),
    );
    await nodes[0]!.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    expect(nodes[0]!.session()).toMatchObject({ state: "finished" });
    net.close();
  });

  test("a proposer that shows different things to different members gets no key", async () => {
    const net = new KeyNet(10);
    const nodes = net.addMany(4);
    const [liar] = nodes as [KeyNode];
    liar.meddle = (posted) => {
      if (posted.to === "v2" || posted.to === "v3") return [posted];
      return [
        rewritten(liar, posted, "board", (message) => {
          if (message.board?.phase === phases.deals.number) message.board.entries.pop();
        }),
      ];
    };
    await liar.coordinator.init("r", { threshold: 4, validators: named(nodes) });
    await net.passSession(liar);
    expect(liar.session()).toMatchObject({ state: "failed" });
    expect(net.refusals).toContain("v4 → v1: other-transcript");
    expect(net.policy.version).toBe(1);
    net.close();
  });
});

describe("messages out of place", () => {
  test("of older epochs and other sessions, forged and misdirected ones are refused", async () => {
    const net = new KeyNet(11);
    const nodes = await withGroup(net, { count: 3, threshold: 2 });
    const recorded = net.posted.splice(0);
    await nodes[0]!.coordinator.reshare("r", { threshold: 2, validators: named(nodes) });
    const target = nodes[1]!.coordinator;
    await net.clock.pass(60);
    const codes = new Set<string>();
    const tryIt = async (posted: Posted) => {
      const code = await target.take(posted.type, posted.payload).then(
        () => "taken",
        (error: { code: string }) => error.code,
      );
      codes.add(code);
      return code;
    };
    const toUs = recorded.filter((posted) => posted.to === "v2");
    for (const posted of toUs) {
      const isShare = posted.type === messageType.blsKeyShareDistribution;
      const code = await tryIt(posted);
      if (isShare) expect(["bad-box", "out-of-order"]).toContain(code);
      else if (kindOf(posted) === "proposal") expect(code).not.toBe("taken");
      else expect(code).toBe("old-epoch");
    }
    expect(toUs.length).toBeGreaterThan(5);
    const share = net.posted.find((one) => one.type === messageType.blsKeyShareDistribution)!;
    const letter = blsKeyShareCodec.decode(share.payload);
    const shareTo = (change: object) => ({
      ...share,
      payload: blsKeyShareCodec.encode({ ...letter, ...change }),
    });
    expect(await tryIt(shareTo({ recipientValidatorId: "v2", shareIndex: 3 }))).not.toBe("taken");
    net.close();
  });

  test("a share for another index or recipient, or moved between them, is refused", async () => {
    const net = new KeyNet(12);
    const nodes = net.addMany(3);
    const held: Posted[] = [];
    nodes[2]!.meddle = (posted) => {
      if (posted.type !== messageType.blsKeyShareDistribution) return [posted];
      held.push(posted);
      return [];
    };
    await nodes[0]!.coordinator.init("r", { threshold: 2, validators: named(nodes) });
    await net.clock.pass(2_000, () => held.length === 2);
    await net.clock.pass(100);
    const [toFirst, toSecond] = held as [Posted, Posted];
    const codeOf = async (posted: Posted, change: object) => {
      const letter = { ...blsKeyShareCodec.decode(posted.payload), ...change };
      const payload = blsKeyShareCodec.encode(letter);
      const taking = nodes[1]!.coordinator.take(posted.type, payload).then(
        () => "taken",
        (error: { code: string }) => error.code,
      );
      await net.clock.pass(5);
      return taking;
    };
    expect(await codeOf(toFirst, {})).toBe("wrong-recipient");
    expect(await codeOf(toSecond, { shareIndex: 1 })).toBe("wrong-index");
    expect(await codeOf(toFirst, { recipientValidatorId: "v2", shareIndex: 2 })).toBe("bad-box");
    expect(await codeOf(toSecond, { senderValidatorId: "v1" })).toBe("bad-box");
    expect(await codeOf(toSecond, { registerId: "s" })).toBe("unknown-session");
    expect(await codeOf(toSecond, {})).toBe("taken");
    await net.passSession(nodes[0]!);
    expect(nodes[0]!.session()).toMatchObject({ state: "finished" });
    await expectSigns(net, nodes.slice(1), "after a complaint");
    net.close();
  });

  test("a forged proposal, a stale one and a stranger's begin nothing", async () => {
    const net = new KeyNet(13);
    const nodes = net.addMany(3);
    const stranger = net.add("x");
    await nodes[0]!.coordinator.init("r", { threshold: 2, validators: named(nodes) });
    await net.passSession(nodes[0]!);
    const proposal = net.posted.find((posted) => kindOf(posted) === "proposal")!;
    const codeOf = (payload: Uint8Array) =>
      stranger.coordinator.take(messageType.keyGeneration, payload).then(
        () => "taken",
        (error: { code: string }) => error.code,
      );
    expect(await codeOf(proposal.payload)).toBe("not-invited");
    const forged = rewritten(stranger, proposal, "proposal", () => {});
    expect(await codeOf(forged.payload)).toBe("false-signature");
    await net.clock.pass(300_000);
    const fresh = new KeyNet(13);
    const second = fresh.addMany(3)[1]!;
    await fresh.clock.pass(300_000);
    const error = await second.coordinator
      .take(proposal.type, proposal.payload)
      .catch((one) => one);
    expect(error).toMatchObject({ code: "stale-proposal" });
    const few = nodes[0]!.coordinator.init("r", { threshold: 1, validators: named(nodes) });
    expect(await few.catch((one) => one)).toMatchObject({ code: "has-group" });
    const low = second.coordinator.init("r", { threshold: 1, validators: named(nodes) });
    expect(await low.catch((one) => one)).toMatchObject({ code: "not-the-validator" });
    const [alone] = [...fresh.nodes.values()];
    const weak = alone!.coordinator.init("r", { threshold: 1, validators: named(nodes) });
    expect(await weak.catch((one) => one)).toMatchObject({ code: "bad-threshold" });
    net.close();
    fresh.close();
  });
});

/** Who proposes a handing on dies after so many messages, and starts again. */
async function crashAfter(
  net: KeyNet,
  { nodes, messages }: { nodes: KeyNode[]; messages: number },
): Promise<void> {
  const [first] = nodes as [KeyNode];
  let left = messages;
  first.meddle = (posted) => {
    left -= 1;
    if (left === 0) first.crash();
    return left > 0 ? [posted] : [];
  };
  await first.coordinator.reshare("r", { threshold: 3, validators: named(nodes) });
  await net.clock.pass(200_000);
  first.meddle = (posted) => [posted];
  await first.restart();
  expect(nodes.slice(1).every((node) => node.session()?.state !== "running")).toBe(true);
}

/** How many group keys these nodes hold. */
function keysOf(nodes: readonly KeyNode[]): number {
  return new Set(nodes.map((node) => node.coordinator.status("r").groupPublicKey)).size;
}
