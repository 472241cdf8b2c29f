import type { SyncState } from "../peers/advert.ts";
import { type RegisterState, registerOf } from "../registers/heads.ts";
import { mayRead } from "../replication/local-adverts.ts";
import type { Caller } from "../wire/serve.ts";
import { refuse } from "../wire/status.ts";

/** What the services that hand out registers are given. */
export interface ServeOptions {
  nodeId: string;
  /** How the following of a register goes here; null for registers that are not followed. */
  subscriptionOf: (registerId: string) => FollowState | null;
}

export interface FollowState {
  syncState: SyncState;
  /** Unix ms; null: never. */
  lastSyncAtMs: number | null;
  /** By an operator: nothing of it is handed out meanwhile. */
  isPaused: boolean;
}

/** The register, or the honest refusal to serve it: `shownRegister`, and paused ones. */
export function servedRegister(
  registerId: string,
  caller: Pick<Caller, "provenId">,
  options: ServeOptions,
): RegisterState {
  const register = shownRegister(registerId, caller, options);
  if (options.subscriptionOf(registerId)?.isPaused !== true) return register;
  throw refuse("BUSY", {
    message: `Register ${registerId} is paused here by an operator`,
    retryAfterMs: pausedRetryMs,
  });
}

const pausedRetryMs = 60_000;

/**
 * The register for those who ask how it stands, or the honest refusal to tell. A private one is for
 * its readers, and who reads is who proved it: a name that is only claimed opens nothing, whatever
 * the node's `peerAuth`.
 */
export function shownRegister(
  registerId: string,
  caller: Pick<Caller, "provenId">,
  options: ServeOptions,
): RegisterState {
  const register = registerOf(registerId);
  if (register === null) {
    const isExpected = options.subscriptionOf(registerId) !== null;
    throw isExpected
      ? refuse("NOT_YET", {
          message: `Register ${registerId} is followed here, but nothing of it has come yet`,
          retryAfterMs: 1_000,
        })
      : refuse("NOT_SUBSCRIBED", { message: `There is no register ${registerId} here` });
  }
  if (mayRead(register, caller.provenId)) return register;
  const why = caller.provenId === null ? "; nothing proves who asks" : "";
  throw refuse("FORBIDDEN", { message: `Register ${registerId} is private${why}` });
}

/** Refuses a cursor that lies before what is held, or behind what could come next. */
export function checkReach(register: RegisterState, next: number): void {
  const { registerId, firstNumber, headNumber } = register;
  if (next < firstNumber) {
    throw prunedError(registerId, { firstNumber, next });
  }
  if (next > headNumber + 1) {
    throw refuse("NOT_YET", {
      message: `Register ${registerId} ends at docket ${headNumber}, before ${next}`,
      retryAfterMs: 1_000,
    });
  }
}

export function prunedError(registerId: string, at: { firstNumber: number; next: number }) {
  return refuse("PRUNED", {
    message: `Register ${registerId} is held from docket ${at.firstNumber} on, not from ${at.next}`,
  });
}

/** The one that a cursor asks for first which excludes its docket, and in which 0 asks for all. */
export function nextAfter(exclusive: number): number {
  return exclusive === 0 ? 0 : exclusive + 1;
}
