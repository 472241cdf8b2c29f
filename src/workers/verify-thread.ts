/** The thread that verifies pages. Knows the dockets and nothing else of the program. */
import { verifyPage } from "../dockets/verify.ts";
import type { FromVerifier, PageFacts, ToVerifier } from "./messages.ts";

declare const self: {
  onmessage: ((event: MessageEvent<ToVerifier>) => void) | null;
  postMessage(message: FromVerifier, transfer: ArrayBuffer[]): void;
};

self.onmessage = (event) => {
  const { job, request } = event.data;
  const answer = answerTo(job, request);
  self.postMessage(answer, buffersOf(answer));
  // Given back now, and not when this thread's heap has doubled: nothing of the answer lies in it.
  request.bytes.buffer.transfer(0);
};

function answerTo(job: number, request: ToVerifier["request"]): FromVerifier {
  try {
    const outcome = verifyPage(request);
    if (!outcome.ok) return { job, outcome };
    const { bytes: _, ...facts } = outcome.value;
    return { job, outcome: { ok: true, value: facts } };
  } catch {
    return { job, outcome: null };
  }
}

function buffersOf(answer: FromVerifier): ArrayBuffer[] {
  if (answer.outcome?.ok !== true) return [];
  const columns: PageFacts["transactions"] = answer.outcome.value.transactions;
  const { keys, docketNumbers, positions, offsets, lengths } = columns;
  return [keys, docketNumbers, positions, offsets, lengths].map((column) => column.buffer);
}
