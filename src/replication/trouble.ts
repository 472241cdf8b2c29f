import { isAbort, messageOf, PeerError } from "../base/error.ts";
import type { Refusal, RefusalCode } from "../dockets/types.ts";
import { type RefusalName, refusalOf } from "../wire/status.ts";
import type { PipelineEnd } from "./pipeline.ts";

/** What goes wrong with a source. Whether it is to blame is another question (`blame.ts`). */
export type Trouble =
  /** It served a docket or a frame that is not true. */
  | { kind: "false"; refusal: Refusal }
  /** It said honestly that it can't serve us. */
  | { kind: "refusal"; name: RefusalName; retryAfterMs: number; message: string }
  | { kind: "unreachable"; error: PeerError };

/** The error for a frame that no honest source sends, whatever its dockets say. */
export function falseFrame(
  code: RefusalCode,
  options: { peerId: string; docketNumber: number; why: string },
): PeerError {
  const { peerId, docketNumber, why } = options;
  const message = `Peer ${peerId} sent ${why}`;
  const refusal: Refusal = { code, message, docketNumber };
  return new PeerError("invalid", "false-frame", { message, facts: { refusedFrame: refusal } });
}

/** What an error of a pull means. */
export function troubleOf(error: unknown): Trouble {
  const refused = error instanceof PeerError ? error.facts.refusedFrame : undefined;
  if (refused !== undefined) return { kind: "false", refusal: refused as Refusal };
  const honest = refusalOf(error);
  if (honest !== null) {
    const { name, retryAfterMs } = honest;
    return { kind: "refusal", name, retryAfterMs: retryAfterMs ?? 0, message: messageOf(error) };
  }
  if (error instanceof PeerError) return { kind: "unreachable", error };
  const message = messageOf(error);
  const failed = new PeerError("network", "source-failed", { message, cause: error });
  return { kind: "unreachable", error: failed };
}

/** What the end of a run says of its source; null: nothing. */
export function troubleOfEnd(end: PipelineEnd): Trouble | null {
  if (end.kind === "refused") return { kind: "false", refusal: end.refusal };
  return end.kind === "failed" && !isAbort(end.error) ? troubleOf(end.error) : null;
}

/** A stable code for logs and the subscription's `errorCode`. */
export function codeOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case "false":
      return trouble.refusal.code;
    case "refusal":
      return trouble.name.toLowerCase().replaceAll("_", "-");
    case "unreachable":
      return trouble.error.code;
  }
}

/** A sentence for logs and operators. */
export function sentenceOf(trouble: Trouble, peerId: string): string {
  switch (trouble.kind) {
    case "false": {
      const { code, docketNumber, message } = trouble.refusal;
      const where = docketNumber === null ? "" : ` in docket ${docketNumber}`;
      // Who lacks bodies may say so badly and mean no harm.
      const what = code === "count" ? "too little or too much" : "something false";
      return `Peer ${peerId} served ${what}${where}: ${message}`;
    }
    case "refusal":
      return trouble.message;
    case "unreachable":
      return messageOf(trouble.error);
  }
}
