/** What liars among the validators can do to one docket number, told by how many decide. */
import { expect, test } from "bun:test";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Policy } from "../../src/dockets/types.ts";
import { Rounds } from "../../src/sealing/round.ts";
import { quorumOf, type Seat, say, seatOf } from "../../src/sealing/statements.ts";
import type { SealingMessage } from "../../src/wire/sealing-messages.ts";

const threshold = 4;
const signers = Array.from({ length: 7 }, (_, at) => signerOfSeed(new Uint8Array(32).fill(at + 1)));
const policy: Policy = {
  version: 1,
  validators: signers.map(({ publicKey, algorithm }, at) => {
    return { validatorId: `v${at}`, publicKey, algorithm };
  }),
  threshold,
  isPublic: true,
  name: "",
  description: "",
};
const number = 7;
const dockets = ["a".repeat(64), "b".repeat(64)] as const;

function seatOfWith(at: number, quorum: number): Seat {
  const signer = signers[at] as (typeof signers)[number];
  const seat = seatOf({ registerId: "r", number, policy }, { nodeId: `v${at}`, signer });
  return { ...seat, quorum };
}

/**
 * Validator 0 proposes one docket to some and another to the rest; the liars say yes to both. Gives
 * for how many dockets there are signatures enough for a seal.
 */
function sealsOf(split: { some: readonly number[]; rest: readonly number[] }, quorum: number) {
  const { some, rest } = split;
  const honest = new Set([...some, ...rest]);
  const liars = signers.map((_, at) => at).filter((at) => !honest.has(at));
  const seat = seatOfWith(0, quorum);
  return [some, rest].filter((half, which) => {
    const docketHash = dockets[which] as string;
    const bundle = new Uint8Array([which]);
    const members = half.map((at) => new Rounds(seatOfWith(at, quorum)));
    const ofAll = (kind: "accept" | "commit", answers: SealingMessage[]) => [
      ...answers,
      ...liars.map((at) => say(seatOfWith(at, quorum), { kind, round: 0, docketHash })),
    ];
    const tell = (kind: "propose" | "prepared" | "decided", proof: SealingMessage[]) =>
      say(seat, { kind, round: 0, docketHash }, { bundle, proof });
    const propose = tell("propose", []);
    const accepts = members.flatMap((one) => one.accept(propose).send.map((sent) => sent.message));
    const prepared = tell("prepared", ofAll("accept", accepts));
    const commits = members.flatMap((one) => one.read(prepared).send.map((sent) => sent.message));
    const decided = tell("decided", ofAll("commit", commits));
    const signing = members.filter((one) => one.read(decided).sign !== null).length;
    return signing > 0 && signing + liars.length >= threshold;
  }).length;
}

/** All ways to part the honest in two. */
function splitsOf(liars: number): { some: number[]; rest: number[] }[] {
  const honest = [1, 2, 3, 4, 5, 6].slice(0, 7 - liars);
  return Array.from({ length: 2 ** honest.length }, (_, bits) => ({
    some: honest.filter((_, at) => (bits >> at) & 1),
    rest: honest.filter((_, at) => !((bits >> at) & 1)),
  }));
}

test("with no more deciding than sign, one liar of seven could seal two dockets at once", () => {
  expect(Math.max(...splitsOf(1).map((split) => sealsOf(split, threshold)))).toBe(2);
});

test("with five deciding, four of seven seal one at most, whatever two liars do", () => {
  expect(quorumOf(policy)).toBe(5);
  for (const liars of [1, 2]) {
    const counts = splitsOf(liars).map((split) => sealsOf(split, quorumOf(policy)));
    expect(Math.max(...counts)).toBe(1);
  }
  expect(Math.max(...splitsOf(3).map((split) => sealsOf(split, quorumOf(policy))))).toBe(2);
});

test("any two decisions share more validators than may lie, and no fewer would do", () => {
  for (let count = 1; count <= 40; count += 1) {
    const validators = Array.from({ length: count }, () => policy.validators[0]!);
    const least = Math.floor(count / 2) + 1;
    const quorum = quorumOf({ validators, threshold: least });
    const liars = Math.floor((count - 1) / 3);
    expect(2 * quorum - count).toBeGreaterThan(liars);
    expect(quorum).toBeLessThanOrEqual(count - liars);
    expect(quorum === least || 2 * (quorum - 1) - count <= liars).toBe(true);
    expect(quorumOf({ validators, threshold: count })).toBe(count);
  }
});
