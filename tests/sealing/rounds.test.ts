/** Attacks on the rounds of validators: what is forged, foreign, repeated or too large. */
import { expect, test } from "bun:test";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Policy } from "../../src/dockets/types.ts";
import { Frames, framesOf } from "../../src/sealing/frames.ts";
import { Rounds } from "../../src/sealing/round.ts";
import * as table from "../../src/sealing/sealing-rounds-table.ts";
import { emptyMessage, type Seat, say, seatOf } from "../../src/sealing/statements.ts";
import { sql } from "../../src/store/sql.ts";
import { sealingFrameCodec, sealingKind } from "../../src/wire/sealing-messages.ts";
import { onEachStore } from "../support/database.ts";

const signers = [1, 2, 3, 4, 5].map((seed) => signerOfSeed(new Uint8Array(32).fill(seed)));
const policy: Policy = {
  version: 1,
  validators: signers.slice(0, 4).map(({ publicKey, algorithm }, index) => ({
    validatorId: `v${index}`,
    publicKey,
    algorithm,
  })),
  threshold: 3,
  isPublic: true,
  name: "",
  description: "",
};
const hash = "a".repeat(64);
const other = "b".repeat(64);
const bundle = new Uint8Array([1]);

/** The seat of validator `index`; 4 is nobody's, with a key of its own. */
function seat(index: number, place: { registerId?: string; number?: number } = {}): Seat {
  const { registerId = "r", number = 4 } = place;
  const signer = signers[index] as (typeof signers)[number];
  return seatOf({ registerId, number, policy }, { nodeId: `v${index}`, signer });
}

const propose = (index: number, round: number, docketHash = hash) =>
  say(seat(index), { kind: "propose", round, docketHash }, { bundle });

test("only the proposer of the round may propose, under its own key", () => {
  const rounds = new Rounds(seat(1));
  expect(rounds.mayAccept(propose(0, 0))).toBe(true);
  expect(rounds.mayAccept(propose(2, 0))).toBe(false);
  expect(rounds.mayAccept({ ...propose(2, 0), validatorId: "v0" })).toBe(false);
  const stranger = say(seat(4), { kind: "propose", round: 0, docketHash: hash }, { bundle });
  expect(rounds.mayAccept(stranger)).toBe(false);
  expect(rounds.mayAccept({ ...stranger, validatorId: "v0" })).toBe(false);
});

test("a second docket in one round is not accepted, nor one of a round that was left", () => {
  const rounds = new Rounds(seat(1));
  expect(rounds.accept(propose(0, 0)).send).toHaveLength(1);
  expect(rounds.accept(propose(0, 0, other)).send).toEqual([]);
  rounds.timeOut();
  expect(rounds.accept(propose(0, 0)).send).toEqual([]);
});

test("what was accepted holds over a restart", () => {
  const rounds = new Rounds(seat(1));
  const { save } = rounds.accept(propose(0, 0));
  if (save === null) throw new Error("It is to be saved");
  const again = new Rounds(seat(1), save);
  expect(again.mayAccept(propose(0, 0, other))).toBe(false);
  expect(again.accept(propose(0, 0)).send).toHaveLength(1);
});

test("votes count for their register, number, round and docket only, and once a validator", () => {
  const rounds = new Rounds(seat(0));
  rounds.propose({ hash, bundle, round: 0 });
  const accept = { kind: "accept" as const, round: 0, docketHash: hash };
  const good = say(seat(1), accept);
  const bad = [
    say(seat(2, { registerId: "another" }), accept),
    say(seat(2, { number: 3 }), accept),
    say(seat(2), { ...accept, docketHash: other }),
    say(seat(2), { ...accept, round: 1 }),
    { ...say(seat(2), { ...accept, kind: "commit" }), kind: sealingKind.accept },
    say(seat(4), accept),
    { ...good, validatorId: "v2" },
    { ...say(seat(2), accept), signature: "AAAA" },
    good,
    good,
  ].map((message) => ({ ...message, registerId: "r", docketNumber: 4 }));
  for (const message of bad) expect(rounds.read(message).send).toEqual([]);
  const told = rounds.read(say(seat(2), accept)).send;
  expect(told.map(({ message }) => message.kind)).toEqual([sealingKind.prepared]);
});

test("nothing is signed on a decision that a quorum did not make", () => {
  const rounds = new Rounds(seat(1));
  const commit = { kind: "commit" as const, round: 0, docketHash: hash };
  const said = (indexes: number[]) => indexes.map((index) => say(seat(index), commit));
  const decided = (proof: ReturnType<typeof said>) =>
    rounds.read({
      ...emptyMessage,
      kind: sealingKind.decided,
      docketHash: hash,
      validatorId: "v0",
      proof,
    });
  expect(decided(said([0, 2])).sign).toBeNull();
  expect(decided(said([0, 2, 2])).sign).toBeNull();
  expect(decided(said([0, 2, 4])).sign).toBeNull();
  expect(decided(said([0, 2, 3])).sign).toEqual({ hash, to: "v0" });
});

test("a later round must follow the highest lock, and a lock can't be made up", () => {
  const accepts = [0, 1, 2].map((index) =>
    say(seat(index), { kind: "accept", round: 0, docketHash: hash }),
  );
  const lock = { round: 0, docketHash: hash, accepts };
  const promise = (index: number, locked: number) =>
    say(seat(index), { kind: "promise", round: 1, docketHash: locked > 0 ? hash : "", locked });
  const proof = [promise(1, 1), promise(2, 0), promise(3, 0)];
  const later = (docketHash: string, more: object) =>
    say(seat(1), { kind: "propose", round: 1, docketHash }, { bundle, ...more });
  const mayAccept = (message: ReturnType<typeof later>) => new Rounds(seat(3)).mayAccept(message);
  expect(mayAccept(later(hash, { proof, lock }))).toBe(true);
  expect(mayAccept(later(other, { proof, lock }))).toBe(false);
  expect(mayAccept(later(other, { proof, lock: { ...lock, docketHash: other } }))).toBe(false);
  expect(mayAccept(later(hash, { proof }))).toBe(false);
  expect(mayAccept(later(hash, { proof: proof.slice(1), lock }))).toBe(false);
  expect(mayAccept(later(other, { proof: proof.slice(1).concat(promise(0, 0)) }))).toBe(true);
  expect(mayAccept(later(other, {}))).toBe(false);
});

test("a giant message comes in parts; too many, false or foreign ones are nothing", () => {
  const giant = { ...propose(0, 0), bundle: new Uint8Array(3_000_000).fill(7) };
  const payloads = framesOf(giant);
  expect(payloads.length).toBe(3);
  const frames = new Frames();
  const read = [...payloads].reverse().map((payload) => frames.read(payload, "v0"));
  expect(read.slice(0, 2)).toEqual([null, null]);
  expect(read[2]?.bundle.length).toBe(3_000_000);
  const mixed = payloads.map((payload, index) => frames.read(payload, `v${index}`));
  expect(mixed).toEqual([null, null, null]);
  const { part } = sealingFrameCodec.decode(payloads[0] as Uint8Array);
  if (part === null) throw new Error("It is a part");
  const endless = sealingFrameCodec.encode({ part: { ...part, count: 100_000 } });
  expect(frames.read(endless, "v0")).toBeNull();
  const bent = sealingFrameCodec.encode({ part: { ...part, chunk: part.chunk.fill(9) } });
  const spoiled = [bent, ...payloads.slice(1)].map((payload) => frames.read(payload, "v9"));
  expect(spoiled).toEqual([null, null, null]);
});

onEachStore("A number that was signed for", () => {
  test("is never signed for another docket; facts come back as they were", async () => {
    const place = { registerId: "r", number: 4 };
    expect(await table.takeNumber(sql(), place, hash)).toBe(true);
    expect(await table.takeNumber(sql(), place, other)).toBe(false);
    expect(await table.takeNumber(sql(), place, hash)).toBe(true);
    const both = [hash, other].map((one) =>
      table.takeNumber(sql(), { registerId: "r", number: 5 }, one),
    );
    expect((await Promise.all(both)).filter(Boolean)).toHaveLength(1);
    const accepts = [{ validatorId: "v0", signature: "AAAA", locked: 0, docketHash: "" }];
    const facts = {
      promised: 3,
      accepted: { round: 2, hash },
      lock: { certificate: { round: 2, docketHash: hash, accepts }, bundle },
    };
    await table.saveFacts(sql(), place, facts);
    const read = await table.readFacts(sql(), place);
    expect(read).toMatchObject({ promised: 3, accepted: { round: 2, hash } });
    expect(read?.lock?.certificate).toEqual(facts.lock.certificate);
    await table.forgetFacts(sql(), { ...place, number: 5 });
    expect(await table.readFacts(sql(), place)).toBeNull();
    expect(await table.takeNumber(sql(), place, other)).toBe(false);
  });
});
