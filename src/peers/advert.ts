/**
 * What a peer says it holds of one register. Heights are hints: only a sealed header proves one.
 */
export interface Advert {
  registerId: string;
  syncState: SyncState;
  /** Version of the newest transaction; 0: none. */
  latestVersion: number;
  /** Number of the newest docket; meaningless when `docketCount` is 0. */
  latestDocketVersion: number;
  docketCount: number;
  hasFullReplica: boolean;
  isPublic: boolean;
  genesisHash: string | null;
  name: string | null;
  description: string | null;
}

export type SyncState =
  | "Unknown"
  | "Subscribing"
  | "Syncing"
  | "FullyReplicated"
  | "Active"
  | "Error";

/** The names in the order of their wire numbers. */
export const syncStates: readonly SyncState[] = [
  "Unknown",
  "Subscribing",
  "Syncing",
  "FullyReplicated",
  "Active",
  "Error",
];
