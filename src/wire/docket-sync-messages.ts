/** Messages of docket_sync.proto; see `messages.ts` for how they look. */

export interface Timestamp {
  seconds: number;
  nanos: number;
}

export interface GetLatestDocketNumberRequest {
  registerId: string;
}

export interface GetLatestDocketNumberResponse {
  latestDocketNumber: number;
  sourcePeerId: string;
  queriedAt: Timestamp | null;
  networkAvailable: boolean;
}

export interface SyncDocketsRequest {
  registerId: string;
  fromDocketNumber: number;
  toDocketNumber: number;
  maxCount: number;
}

export interface SyncDocketEntry {
  docketNumber: number;
  docketHash: string;
  previousDocketHash: string;
  merkleRoot: string;
  docketData: Uint8Array;
  transactionCount: number;
  sealedAt: Timestamp | null;
  validatorSignature: string;
  validatorId: string;
}

export function timestampOf(timeMs: number): Timestamp {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: (timeMs - seconds * 1000) * 1_000_000 };
}
