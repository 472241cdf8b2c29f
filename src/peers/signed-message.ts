import { base64urlOf, utf8 } from "../base/bytes.ts";
import { sha256Hex } from "../dockets/hash.ts";
import { isSignedBy } from "../trust/node-key.ts";
import type { PeerMessage } from "../wire/distribution-messages.ts";
import type { Identity } from "./identity.ts";

/**
 * A message that does not go straight to its reader is signed by its sender for its recipient:
 * whoever carries it can keep it back or read it, and neither change it nor make one up. Its
 * `sequence`, unix µs that ascend, tells a second coming from the first.
 */
export function signMessage(
  message: PeerMessage,
  { sequence, identity }: { sequence: number; identity: Pick<Identity, "publicKey" | "sign"> },
): PeerMessage {
  const numbered = { ...message, sequence, publicKey: identity.publicKey };
  return { ...numbered, signature: identity.sign(messageBytes(numbered)) };
}

/** True when the key it names has signed it. Whose key that is, is another matter. */
export function isSignatureOfMessage(message: PeerMessage): boolean {
  const { publicKey, signature } = message;
  return isSignedBy(publicKey, { bytes: messageBytes(message), signature });
}

/** A domain tag, then all that the reader acts on, as compact JSON. */
function messageBytes(message: PeerMessage): Uint8Array {
  const { senderPeerId, recipientPeerId, messageType, payload, sequence, publicKey } = message;
  const facts = [
    senderPeerId,
    recipientPeerId,
    messageType,
    sequence,
    base64urlOf(publicKey),
    sha256Hex(payload),
  ];
  return utf8(`sorcha-peer-message-v1:${JSON.stringify(facts)}`);
}
