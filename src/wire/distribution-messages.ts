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
}

export interface NotificationAck {
  alreadyKnown: boolean;
  willRequest: boolean;
}

export interface TransactionRequest {
  transactionHash: string;
  requestingPeerId: string;
  registerId: string;
}

export interface TransactionResponse {
  transactionHash: string;
  transactionData: Uint8Array;
  found: boolean;
}

export interface TransactionChunk {
  transactionHash: string;
  chunkIndex: number;
  totalChunks: number;
  chunkData: Uint8Array;
}

// sorcha.peer.communication

export interface PeerMessage {
  senderPeerId: string;
  recipientPeerId: string;
  messageType: number;
  payload: Uint8Array;
  timestamp: number;
}

export interface MessageAck {
  received: boolean;
  timestamp: number;
}
