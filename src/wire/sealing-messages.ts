/** Messages of sealing.proto; `messages.ts` says how they look. */
import sealingText from "../../proto/sealing.proto" with { type: "text" };
import { type Codec, codecOf, parseProto } from "./codec.ts";

export const sealingKind = {
  propose: 1,
  accept: 2,
  prepared: 3,
  commit: 4,
  decided: 5,
  signature: 6,
  sealed: 7,
  promise: 8,
} as const;
export type SealingKind = keyof typeof sealingKind;

export interface SealingMessage {
  kind: number;
  registerId: string;
  docketNumber: number;
  round: number;
  validatorId: string;
  docketHash: string;
  signature: string;
  locked: number;
  lock: SealingCertificate | null;
  proof: SealingStatement[];
  bundle: Uint8Array;
}

export interface SealingStatement {
  validatorId: string;
  signature: string;
  locked: number;
  docketHash: string;
}

export interface SealingCertificate {
  round: number;
  docketHash: string;
  accepts: SealingStatement[];
}

export interface SealingFrame {
  whole: Uint8Array;
  part: SealingPart | null;
}

export interface SealingPart {
  digest: Uint8Array;
  index: number;
  count: number;
  chunk: Uint8Array;
}

const { root } = parseProto(sealingText);

export const sealingFrameCodec: Codec<SealingFrame> = codecOf(
  root.lookupType("sorcha.peer.sealing.v1.SealingFrame"),
);
export const sealingMessageCodec: Codec<SealingMessage> = codecOf(
  root.lookupType("sorcha.peer.sealing.v1.SealingMessage"),
);
export const sealingCertificateCodec: Codec<SealingCertificate> = codecOf(
  root.lookupType("sorcha.peer.sealing.v1.SealingCertificate"),
);
