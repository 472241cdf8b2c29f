import { createHash } from "node:crypto";
import { present } from "../../base/assert.ts";
import { bytesOfHex, concat, hexOf, utf8 } from "../../base/bytes.ts";
import { PeerError } from "../../base/error.ts";
import { isSignedBy } from "../../trust/node-key.ts";
import type {
  BlsKeyShareDistribution,
  KeyGeneration,
  KeyGenerationBody,
  SignedKeyGeneration,
} from "../../wire/key-generation-messages.ts";
import type { Draft } from "../../wire/messages.ts";
import { keyGenerationCodec, signedKeyGenerationCodec } from "../../wire/services.ts";

/** What a validator said in a session: the message, and the very bytes that it signed. */
export interface Said {
  message: KeyGeneration & { body: KeyGenerationBody };
  signed: SignedKeyGeneration;
}

/** Who speaks: a validator's name and its Ed25519 key. */
export interface Speaker {
  validatorId: string;
  publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

/** What is to go to one participant: something said, or a share in its box. */
export type Outgoing =
  | { to: string; kind: "said"; said: Said }
  | { to: string; kind: "share"; share: BlsKeyShareDistribution };

/** What a message says besides to which session it belongs. */
export type Body = Draft<Pick<KeyGeneration, KeyGenerationBody>>;

/** Not a text that the key signs anywhere else: no docket, call or record begins like this. */
const signTag = utf8("sorcha.peer.keygeneration.v1|");
const chainTag = utf8("sorcha.peer.keygeneration.v1.transcript|");

export function signMessage(message: Draft<KeyGeneration>, sign: Speaker["sign"]): Said {
  const content = keyGenerationCodec.encode(message);
  return contentOf({ content, signature: sign(concat([signTag, content])) });
}

/** Says something in a session, on top of what was shown in it so far. */
export function say(
  body: Body,
  place: {
    proposal: { registerId: string; epoch: number; nonce: string };
    me: Speaker;
    previousHash: Uint8Array;
  },
): Said {
  const { me, previousHash } = place;
  const { registerId, epoch, nonce } = place.proposal;
  const session = { registerId, epoch, nonce: present(bytesOfHex(nonce), "a nonce in hex") };
  const message = { ...session, senderValidatorId: me.validatorId, previousHash, ...body };
  return signMessage(message, me.sign);
}

export function bytesOf(said: Said): Uint8Array {
  return signedKeyGenerationCodec.encode(said.signed);
}

/** Throws `invalid` for what can't be read. Whether it is truly signed says `isTrulySaid`. */
export function readMessage(bytes: Uint8Array): Said {
  return contentOf(signedKeyGenerationCodec.decode(bytes));
}

export function contentOf(signed: SignedKeyGeneration): Said {
  const message = keyGenerationCodec.decode(signed.content);
  const { body } = message;
  if (body === undefined) throw refusal("empty-message", "The message holds nothing");
  return { message: { ...message, body }, signed };
}

export function isTrulySaid(said: Said, publicKey: Uint8Array): boolean {
  const { content, signature } = said.signed;
  return isSignedBy(publicKey, { bytes: concat([signTag, content]), signature });
}

/**
 * One hash for all that was said up to a phase. Whoever signs the next message names it, so a
 * proposer that shows different things to different members gets no two answers that fit together.
 */
export function nextHash(previous: Uint8Array, phase: number, entries: readonly Said[]) {
  const hash = createHash("sha256").update(chainTag).update(previous).update(Uint8Array.of(phase));
  for (const { signed } of entries) {
    hash.update(createHash("sha256").update(signed.content).digest());
  }
  return new Uint8Array(hash.digest());
}

export function nonceOf(message: KeyGeneration): string {
  return hexOf(message.nonce);
}

export function refusal(code: string, message: string): PeerError {
  return new PeerError("unprocessable", code, { message });
}
