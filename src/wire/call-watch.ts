import { status } from "@grpc/grpc-js";

/** Told how one call goes, by whoever wants to measure it. */
export interface CallWatch {
  /** A stream gave its first answer. */
  answered(): void;
  /** gRPC's word for how it ended, such as `OK`; and our stable code where it failed. */
  ended(status: string, code: string | null): void;
}

/** Asked at the beginning of each call: `/package.Service/Method`. */
export type WatchCall = (path: string) => CallWatch;

export function statusName(code: number): string {
  return status[code] ?? "UNKNOWN";
}
