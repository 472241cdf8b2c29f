/** The thread that verifies pages. Knows the dockets and nothing else of the program. */
import { verifyPage } from "../dockets/verify.ts";
import type { FromVerifier, PageFacts, ToVerifier } from "./messages.ts";

declare const self: {
  onmessage: ((event: MessageEvent<ToVerifier>) => void) | null;
  postMessage(message: FromVerifier, transfer: ArrayBuffer[]): void;
};

self.onmessage = (event) => {
  const { job, request } = event.data;
  // Nothing of the outcome lies in it.
  const used = request.bytes.buffer;
  const outcome = outcomeOf(request);
  self.postMessage({ job, outcome, used }, [...buffersOf(outcome), used]);
};

function outcomeOf(request: ToVerifier["request"]): FromVerifier["outcome"] {
  try {
    const outcome = verifyPage(request);
    if (!outcome.ok) return outcome;
    const { bytes: _, ...facts } = outcome.value;
    return { ok: true, value: facts };
  } catch {
    return null;
  }
}

function buffersOf(outcome: FromVerifier["outcome"]): ArrayBuffer[] {
  if (outcome?.ok !== true) return [];
  const columns: PageFacts["transactions"] = outcome.value.transactions;
  const { keys, docketNumbers, positions, offsets, lengths } = columns;
  return [keys, docketNumbers, positions, offsets, lengths].map((column) => column.buffer);
}
