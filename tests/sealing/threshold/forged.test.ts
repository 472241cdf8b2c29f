/** What a member of a group can forge: points, shares, dealers and parts that only look right. */
import { describe, expect, test } from "bun:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { base64urlOf } from "../../../src/base/bytes.ts";
import type { Docket } from "../../../src/dockets/types.ts";
import { identityOf } from "../../../src/peers/identity.ts";
import { groupMode } from "../../../src/sealing/group-mode.ts";
import { phases, readBoard } from "../../../src/sealing/threshold/board.ts";
import {
  commitmentBytes,
  commitmentsOf,
  commitTo,
  isShareTrue,
} from "../../../src/sealing/threshold/commitments.ts";
import { type Group, GroupKeys } from "../../../src/sealing/threshold/group-keys.ts";
import { assembleSignature, signPartial } from "../../../src/sealing/threshold/partials.ts";
import { randomPolynomial, shareAt } from "../../../src/sealing/threshold/polynomial.ts";
import { readProposal } from "../../../src/sealing/threshold/proposal.ts";
import { type Body, say } from "../../../src/sealing/threshold/signed.ts";
import { judge } from "../../../src/sealing/threshold/verdict.ts";
import { MemoryKeyStore, seededBytes } from "../../sim/key-net.ts";

const hash = "5c".repeat(32);
const { G1, G2 } = bls12_381;
const speakers = [1, 2, 3].map((at) => {
  const { nodeId, publicKey, sign } = identityOf(`v${at}`, new Uint8Array(32).fill(at));
  return { validatorId: nodeId, publicKey, sign, index: at };
});
const [first, second] = speakers as [(typeof speakers)[number], (typeof speakers)[number]];
const members = speakers.map(({ validatorId, publicKey, index }) => {
  return { validatorId, publicKey, index };
});
const session = { registerId: "r", epoch: 1, nonce: "07".repeat(16) };

function proposed(change: Partial<NonNullable<Body["proposal"]>> = {}) {
  const body = { threshold: 2, members, proposedAtMs: 1, ...change };
  const place = { proposal: session, me: first, previousHash: new Uint8Array(0) };
  return readProposal(say({ proposal: body }, place));
}

/** Compressed, of so many bytes: on the curve, and in no subgroup of ours. */
function strayPoint(length: number, at: (x: bigint) => { isTorsionFree(): boolean }): Uint8Array {
  for (let x = 1; x < 250; x += 1) {
    try {
      if (at(BigInt(x)).isTorsionFree()) continue;
      const bytes = new Uint8Array(length).fill(x, length - 1);
      bytes[0] = 0x80;
      return bytes;
    } catch {
      // The curve has no point there.
    }
  }
  throw new Error("There is one");
}

const { Fp, Fp2 } = bls12_381.fields;
const strayG1 = () =>
  strayPoint(48, (x) => {
    const y = Fp.sqrt(Fp.add(Fp.pow(x, 3n), G1.Point.CURVE().b));
    return G1.Point.fromAffine({ x, y });
  });
const strayG2 = () =>
  strayPoint(96, (at) => {
    const x = Fp2.fromBigTuple([at, 0n]);
    const y = Fp2.sqrt(Fp2.add(Fp2.pow(x, 3n), G2.Point.CURVE().b));
    return G2.Point.fromAffine({ x, y });
  });

describe("points", () => {
  test("that are none, nobody's or of no subgroup are no commitments and no parts", async () => {
    const polynomial = randomPolynomial(2, { random: seededBytes("points") });
    const commitments = commitTo(polynomial);
    const [constant, slope] = commitmentBytes(commitments) as [Uint8Array, Uint8Array];
    const stray = strayG2();
    const zero = G2.Point.ZERO.toBytes();
    for (const [one, other] of [
      [stray, slope],
      [constant, stray],
      [zero, slope],
      [constant.slice(1), slope],
    ] as const) {
      expect(commitmentsOf([one, other], 2)).toBeNull();
    }
    expect(commitmentsOf([constant, slope, slope], 2)).toBeNull();
    expect(commitmentsOf([constant, zero], 2)).not.toBeNull();
    const parts = [1, 2].map((index) => {
      return { index, signature: signPartial(shareAt(polynomial, index), hash) };
    });
    const strayPart = strayG1();
    for (const signature of [strayPart, G1.Point.ZERO.toBytes(), new Uint8Array(47)]) {
      const made = await assembleSignature([...parts, { index: 3, signature }], {
        docketHash: hash,
        commitments,
        memberCount: 3,
        pause: async () => {},
      });
      expect([made.signature?.length, made.faulty]).toEqual([48, [3]]);
    }
  });

  test("no share is zero: a dealer whose polynomial is, has to go", async () => {
    const [, slope] = randomPolynomial(2, { random: seededBytes("zero") }) as [bigint, bigint];
    const { Fr } = bls12_381.fields;
    const polynomial = [Fr.neg(Fr.mul(slope, 2n)), slope];
    const deal = commitTo(polynomial);
    expect(shareAt(polynomial, 2)).toBe(0n);
    expect(isShareTrue(deal, { index: 2, share: 0n })).toBe(false);
    const proposal = proposed();
    const place = { proposal, me: second, previousHash: proposal.hash };
    const complaint = say({ response: { complaints: ["v1"] } }, place);
    const opening = { recipientValidatorId: "v2", share: new Uint8Array(32) };
    const answer = say({ justification: { openings: [opening] } }, { ...place, me: first });
    const verdict = await judge(proposal, {
      pause: async () => {},
      deals: new Map([["v1", deal]]),
      responses: { said: new Map([["v2", complaint]]), hash: proposal.hash },
      justifications: { said: new Map([["v1", answer]]), hash: proposal.hash },
    });
    expect(verdict.faults).toEqual([{ validatorId: "v1", code: "unjustified" }]);
  });
});

describe("a session", () => {
  test("has each member and each dealer once, by name, key and index", () => {
    const twice = [members[0]!, members[1]!, { ...members[0]!, index: 3 }];
    const oneKey = [members[0]!, members[1]!, { ...members[2]!, publicKey: first.publicKey }];
    const wrongIndex = [members[0]!, members[1]!, { ...members[2]!, index: 2 }];
    const dealers = [members[0]!, { ...members[1]!, index: 1 }];
    const previousCommitments = commitmentBytes(commitTo([5n, 7n]));
    for (const change of [
      { members: twice },
      { members: oneKey },
      { members: wrongIndex },
      { dealers, previousCommitments },
      { dealers: members.slice(0, 1), previousCommitments },
      { dealers: members, previousCommitments: [G2.Point.ZERO.toBytes()] },
    ]) {
      expect(() => proposed(change)).toThrow(expect.objectContaining({ code: "bad-proposal" }));
    }
  });

  test("hears each dealer once a phase, and nobody who does not deal", () => {
    const proposal = proposed();
    const commitments = commitmentBytes(commitTo([5n, 7n]));
    const place = { proposal, me: first, previousHash: proposal.hash };
    const deal = say({ deal: { commitments } }, place);
    const other = say({ deal: { commitments: commitments.toReversed() } }, place);
    const shown = (entries: (typeof deal)[]) => {
      const board = { phase: phases.deals.number, entries: entries.map((one) => one.signed) };
      const { message } = say({ board }, place);
      const previous = proposal.hash;
      return readBoard(message, { proposal, phase: "deals", previous, speakers: members });
    };
    expect(shown([deal]).said.size).toBe(1);
    const stranger = say(
      { deal: { commitments } },
      { ...place, me: { ...first, validatorId: "x" } },
    );
    for (const entries of [[deal, deal], [deal, other], [stranger]]) {
      expect(() => shown(entries)).toThrow(expect.objectContaining({ code: "bad-board" }));
    }
  });
});

describe("a false part of a seal", () => {
  const polynomial = randomPolynomial(2, { random: seededBytes("mode") });
  const groups = members.map(({ index }): Group => {
    const keys = new GroupKeys(new MemoryKeyStore(), async () => {});
    const commitments = commitmentBytes(commitTo(polynomial));
    const share = shareAt(polynomial, index);
    const made = { ...session, session: session.nonce, state: "certified" as const, holders: [] };
    return keys.group({ ...made, threshold: 2, members, commitments, index, share });
  });
  const docket = { docketHash: hash } as Docket;
  const partOf = (at: number, of = hash) => base64urlOf(groups[at]!.signPartial(of));

  test("is named when the whole is false; from then on each part is checked by itself", async () => {
    const mode = groupMode(() => groups[0]!);
    const lie = { validatorId: "v2", value: partOf(1, "00".repeat(32)) };
    expect(await mode.judge(docket, lie)).toBe("counts");
    const parts = new Map([
      ["v1", partOf(0)],
      ["v2", lie.value],
    ]);
    expect(await mode.assemble(docket, parts)).toEqual({ docket: null, faulty: ["v2"] });
    expect(await mode.judge(docket, lie)).toBe("false");
    expect(await mode.judge(docket, { validatorId: "v2", value: partOf(2) })).toBe("false");
    expect(await mode.judge(docket, { validatorId: "v3", value: partOf(2) })).toBe("counts");
    parts.delete("v2");
    const made = await mode.assemble(docket, parts.set("v3", partOf(2)));
    expect(made.faulty).toEqual([]);
    expect(made.docket?.groupSignature).toBeString();
  });

  test("blames nobody who has no share, and nothing is told by who has none itself", async () => {
    const mode = groupMode(() => groups[0]!);
    expect(await mode.judge(docket, { validatorId: "v2", value: "" })).toBe("unknown");
    expect(await mode.judge(docket, { validatorId: "x", value: partOf(1) })).toBe("unknown");
    expect(await mode.judge(docket, { validatorId: "v2", value: "AAAA" })).toBe("false");
    const blind = groupMode(() => null);
    expect(await blind.judge(docket, { validatorId: "v2", value: partOf(1) })).toBe("unknown");
    expect(await blind.signDocket(1, hash)).toBe("");
  });
});
