/** A verifier that dies over the register "death". */
import { verifyPage } from "../../src/dockets/verify.ts";
import type { FromVerifier, ToVerifier } from "../../src/workers/messages.ts";

declare const self: {
  onmessage: ((event: MessageEvent<ToVerifier>) => void) | null;
  postMessage(message: FromVerifier): void;
};

self.onmessage = (event) => {
  const { job, request } = event.data;
  if (request.registerId === "death") throw new Error("The thread dies");
  const used = request.bytes.buffer;
  self.postMessage({ job, outcome: verifyPage(request), used });
};
