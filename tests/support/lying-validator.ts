/**
 * The program as a validator with a true key and a share that does with them what it may not. Runs
 * as `main.ts` does, with the same words; `LIES_SEED` says how it lies.
 */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { base64urlOf } from "../../src/base/bytes.ts";
import { seededDice } from "../../src/base/prng.ts";
import { encodeBundle, readBundle } from "../../src/dockets/bundle.ts";
import { docketBytes, draftDocket } from "../../src/dockets/envelope.ts";
import { timeMsOf } from "../../src/dockets/time.ts";
import { type Identity, readIdentity } from "../../src/peers/identity.ts";
import { Post } from "../../src/peers/post.ts";
import { framesOf } from "../../src/sealing/frames.ts";
import { docketIn } from "../../src/sealing/proposal.ts";
import { say } from "../../src/sealing/statements.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import {
  type SealingMessage,
  sealingFrameCodec,
  sealingKind,
  sealingMessageCodec,
} from "../../src/wire/sealing-messages.ts";
import { bentShare } from "../sim/key-lies.ts";

type Message = Parameters<Post["send"]>[1];

const dice = seededDice(Number(process.env.LIES_SEED ?? 1));
const dataDir = process.argv[process.argv.indexOf("--data-dir") + 1] ?? ".";
let identity: Identity | null = null;

const sendTruly = Post.prototype.send;
Post.prototype.send = async function send(peerId: string, message: Message): Promise<void> {
  identity ??= await readIdentity(`${dataDir}/node.key`);
  for (const one of liesFor(peerId, message)) await sendTruly.call(this, peerId, one);
};
await import("../../src/main.ts");

function liesFor(peerId: string, message: Message): Message[] {
  const { type, payload } = message;
  if (type === messageType.blsKeyShareDistribution && dice() < 0.3) {
    return [{ ...message, ...bentShare({ from: "", to: peerId, type, payload }) }];
  }
  if (type !== messageType.sealing) return [message];
  const { whole, part } = sealingFrameCodec.decode(payload);
  if (part !== null) return [message];
  const said = sealingMessageCodec.decode(whole);
  const all = sealingLies(peerId, said).flatMap(framesOf);
  return all.map((lie) => ({ ...message, payload: lie }));
}

function sealingLies(peerId: string, said: SealingMessage): SealingMessage[] {
  if (identity === null || dice() < 0.1) return [];
  const { nodeId: ownId, signer } = identity;
  const { registerId, docketNumber: number, round, docketHash } = said;
  const seat = { registerId, number, validators: [], threshold: 0, quorum: 0, ownId, signer };
  const told = [said];
  const isOneHalf = peerId.charCodeAt(peerId.length - 1) % 2 === 0;
  if (said.kind === sealingKind.propose && isOneHalf) {
    const other = otherDocket(said.bundle);
    const { proof, lock } = said;
    const kind = "propose" as const;
    if (other !== null) {
      const { hash, bundle } = other;
      told[0] = say(seat, { kind, round, docketHash: hash }, { bundle, proof, lock });
      for (const vote of ["accept", "commit"] as const) {
        told.push(say(seat, { kind: vote, round, docketHash: hash }));
      }
    }
  }
  if (said.kind === sealingKind.signature && dice() < 0.5) {
    const point = bls12_381.G1.Point.BASE.multiply(BigInt(number + 2));
    told[0] = { ...said, signature: base64urlOf(point.toBytes()) };
  }
  const made = "f".repeat(64);
  if (dice() < 0.1) told.push(say(seat, { kind: "commit", round, docketHash }));
  if (dice() < 0.1) told.push(say(seat, { kind: "accept", round, docketHash: made }));
  if (dice() < 0.05) told.push({ ...said, round: round + 3, signature: "AAAA" });
  if (dice() < 0.03) {
    const jump = {
      kind: "promise" as const,
      round: round + 1,
      docketHash: made,
      locked: round + 1,
    };
    told.push(say(seat, jump, { lock: { round, docketHash: made, accepts: [] } }));
  }
  return told;
}

/** As good a docket as the one proposed, a millisecond later. */
function otherDocket(bundle: Uint8Array): { hash: string; bundle: Uint8Array } | null {
  const read = readBundle(bundle);
  const docket = docketIn(bundle);
  if (read === null || docket === null) return null;
  const { docket: other } = draftDocket({
    registerId: docket.registerId,
    number: docket.docketNumber,
    previousHash: docket.previousHash,
    createdAtMs: (timeMsOf(docket.createdAt) ?? 0) + 1,
    proposerValidatorId: docket.proposerValidatorId,
    leaves: docket.transactions,
  });
  const { transactionData } = read;
  const otherBundle = encodeBundle({ docketData: docketBytes(other), transactionData });
  return { hash: other.docketHash, bundle: otherBundle };
}
