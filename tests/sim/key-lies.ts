import {
  bytesOf,
  contentOf,
  readMessage,
  type Speaker,
  signMessage,
} from "../../src/sealing/threshold/signed.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import type { KeyGeneration } from "../../src/wire/key-generation-messages.ts";
import { blsKeyShareCodec } from "../../src/wire/services.ts";
import type { Posted } from "./key-net.ts";

/** What a message says: its kind, or null for a share in its box. */
export function kindOf(posted: Posted): string | null {
  return posted.type === messageType.keyGeneration
    ? readMessage(posted.payload).message.body
    : null;
}

/** The message of this kind as its sender would have signed it, had it said something else. */
export function rewritten(
  node: { speaker: Speaker },
  posted: Posted,
  kind: string,
  change: (message: KeyGeneration) => void,
): Posted {
  if (kindOf(posted) !== kind) return posted;
  const { message } = contentOf(structuredClone(readMessage(posted.payload).signed));
  change(message);
  return { ...posted, payload: bytesOf(signMessage(message, node.speaker.sign)) };
}

export function bentShare(posted: Posted): Posted {
  const letter = blsKeyShareCodec.decode(posted.payload);
  const encryptedSecretShare = Uint8Array.from(letter.encryptedSecretShare);
  encryptedSecretShare[40]! ^= 1;
  return { ...posted, payload: blsKeyShareCodec.encode({ ...letter, encryptedSecretShare }) };
}
