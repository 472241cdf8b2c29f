/**
 * Messages of transaction_distribution.proto and peer_communication.proto; `messages.ts` says how
 * they look.
 */

// sorcha.peer.transaction

export interface TransactionNotification {
  transactionHash: string;
  senderPeerId: string;
  timestamp: number;
  transactionSize: number;
  registerId: string;
  more: AnnouncedTransaction[];
  isRepair: boolean;
}

export interface AnnouncedTransaction {
  transactionHash: string;
  transactionSize: number;
}

export interface NotificationAck {
  alreadyKnown: boolean;
  willRequest: boolean;
}

export interface TransactionRequest {
  transactionHash: string;
  requestingPeerId: string;
  registerId: string;
  fromChunk: number;
  acceptEncoding: string;
}

export interface TransactionResponse {
  transactionHash: string;
  transactionData: Uint8Array;
  found: boolean;
  encoding: string;
}

export interface TransactionChunk {
  transactionHash: string;
  chunkIndex: number;
  totalChunks: number;
  chunkData: Uint8Array;
  encoding: string;
}

// sorcha.peer.communication

export interface PeerMessage {
  senderPeerId: string;
  recipientPeerId: string;
  messageType: number;
  payload: Uint8Array;
  timestamp: number;
  sequence: number;
  publicKey: Uint8Array;
  signature: Uint8Array;
}

export interface MessageAck {
  received: boolean;
  timestamp: number;
}

/**
 * What a `PeerMessage` may hold. Numbers from 100 up are ours: a .NET peer answers that it doesn't
 * know them.
 */
export const messageType = {
  transactionNotification: 1,
  transactionRequest: 2,
  transactionResponse: 3,
  peerStatusUpdate: 4,
  heartbeat: 5,
  blsKeyShareDistribution: 6,
  blsPartialSignature: 7,
  sealing: 100,
  keyGeneration: 101,
} as const;
export type MessageType = (typeof messageType)[keyof typeof messageType];
