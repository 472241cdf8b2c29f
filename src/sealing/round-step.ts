import type { SealingCertificate, SealingMessage } from "../wire/sealing-messages.ts";

/** What a validator must remember over a crash. */
export interface Facts {
  /** Nothing of a lower round is accepted or locked any more. */
  promised: number;
  accepted: { round: number; hash: string } | null;
  lock: Lock | null;
}

export interface Lock {
  certificate: SealingCertificate;
  /** The docket without its seal, and its bodies. */
  bundle: Uint8Array;
}

export const noFacts: Facts = { promised: 0, accepted: null, lock: null };

/** What is to be done, in this order. */
export interface Step {
  /** Durable before anything is sent. */
  save: Facts | null;
  send: Letter[];
  /** Decided: sign it, durably and once, and send the signature there. */
  sign: { hash: string; to: string } | null;
  /** Enough signatures for a seal. */
  sealed: { hash: string; bundle: Uint8Array; signatures: Map<string, string> } | null;
}

/** `to` null: all other validators. */
export interface Letter {
  to: string | null;
  message: SealingMessage;
}

export const nothing: Step = { save: null, send: [], sign: null, sealed: null };

/** Both, the first one first. */
export function join(first: Step, then: Step): Step {
  return {
    save: then.save ?? first.save,
    send: [...first.send, ...then.send],
    sign: then.sign ?? first.sign,
    sealed: then.sealed ?? first.sealed,
  };
}
