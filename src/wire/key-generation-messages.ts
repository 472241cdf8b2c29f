/** Messages of key_generation.proto; `messages.ts` says how they look. */

// sorcha.peer.keygeneration.v1

export interface SignedKeyGeneration {
  content: Uint8Array;
  signature: Uint8Array;
}

export interface KeyGeneration {
  registerId: string;
  epoch: number;
  nonce: Uint8Array;
  senderValidatorId: string;
  previousHash: Uint8Array;
  /** Which of those below is there. */
  body?: KeyGenerationBody;
  proposal?: ProposalMessage;
  accept?: { encryptionKey: Uint8Array };
  decline?: { code: string };
  deal?: { commitments: Uint8Array[] };
  response?: { complaints: string[] };
  justification?: { openings: OpeningMessage[] };
  confirmation?: { resultHash: Uint8Array };
  board?: { phase: number; entries: SignedKeyGeneration[] };
  abort?: { code: string; message: string };
}

export type KeyGenerationBody =
  | "proposal"
  | "accept"
  | "decline"
  | "deal"
  | "response"
  | "justification"
  | "confirmation"
  | "board"
  | "abort";

export interface ParticipantMessage {
  validatorId: string;
  publicKey: Uint8Array;
  index: number;
}

export interface ProposalMessage {
  threshold: number;
  members: ParticipantMessage[];
  dealers: ParticipantMessage[];
  previousCommitments: Uint8Array[];
  proposedAtMs: number;
}

export interface OpeningMessage {
  recipientValidatorId: string;
  share: Uint8Array;
}

// sorcha.peer.communication

export interface BlsKeyShareDistribution {
  registerId: string;
  senderValidatorId: string;
  recipientValidatorId: string;
  shareIndex: number;
  encryptedSecretShare: Uint8Array;
  publicShare: Uint8Array;
  groupPublicKey: Uint8Array;
  threshold: number;
  totalSigners: number;
}

export interface BlsPartialSignatureExchange {
  registerId: string;
  docketHash: string;
  validatorId: string;
  shareIndex: number;
  partialSignature: Uint8Array;
}
