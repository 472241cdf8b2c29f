/** What the pool and its threads say to each other. */

import type { CheckedPage, Outcome } from "../dockets/types.ts";
import type { VerifyRequest } from "../dockets/verify.ts";

export interface ToVerifier {
  job: number;
  request: VerifyRequest;
}

/** A checked page without its bytes, which never left the one who asked. */
export type PageFacts = Omit<CheckedPage, "bytes">;

export interface FromVerifier {
  job: number;
  /** Null when the verifier itself failed: a broken promise, not a bad page. */
  outcome: Outcome<PageFacts> | null;
  /** Where the page lay: handed back for the next one. */
  used: ArrayBuffer;
}
