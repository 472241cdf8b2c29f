/**
 * The road's entry for dockets that are handed to us whole: an operator's ingest, our own seal.
 * They go through the same verification and the same commit as pages from a peer. Owns one lock a
 * register, so that two callers don't race for the same place; the database's door would refuse
 * the second in any case.
 */

import { apart } from "../base/bytes.ts";
import { Mutex } from "../base/mutex.ts";
import { scanPage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import type { CheckedPage, Head, Outcome, Policy } from "../dockets/types.ts";
import { readDocket } from "../registers/dockets-table.ts";
import { anchorOf } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import { sql } from "../store/sql.ts";
import { pageVerified } from "../telemetry/recording.ts";
import { verifyPage } from "../workers/pool.ts";
import { commitPages, emptyAnchor } from "./commit.ts";

export interface RoadSettings {
  clock: Clock;
  verifyTransactions: "all" | "none";
  acceptUnsealed: boolean;
}

export interface Road {
  check(
    page: { registerId: string; bytes: Uint8Array; nextNumber: number; genesisHash?: string },
    policy: Policy | null,
  ): Promise<Outcome<CheckedPage>>;
  takeIn(page: {
    registerId: string;
    bytes: Uint8Array;
    isOrigin?: boolean;
    genesisHash?: string;
  }): Promise<Taken>;
}

/** `alreadyHeld`: the very dockets were stored before; nothing was written. */
export type Taken = Outcome<Head> & { alreadyHeld?: boolean };

export function makeRoad(settings: RoadSettings): Road {
  const locks = new Map<string, Mutex>();

  function check(
    page: { registerId: string; bytes: Uint8Array; nextNumber: number; genesisHash?: string },
    policy: Policy | null,
  ): Promise<Outcome<CheckedPage>> {
    const startedMs = settings.clock.monotonicMs();
    const checking = verifyPage({
      registerId: page.registerId,
      bytes: apart(page.bytes),
      nextNumber: page.nextNumber,
      policy,
      nowMs: settings.clock.nowMs(),
      verifyTransactions: settings.verifyTransactions,
      acceptUnsealed: settings.acceptUnsealed,
      ...(page.genesisHash === undefined ? {} : { genesisHash: page.genesisHash }),
    });
    const note = () => pageVerified(settings.clock.monotonicMs() - startedMs);
    checking.then(note, note);
    return checking;
  }

  async function takeInAlone(page: Parameters<Road["takeIn"]>[0]): Promise<Taken> {
    const held = page.isOrigin ? null : await findHeld(page);
    if (held !== null) return held;
    let bytes = page.bytes;
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const anchor = anchorOf(page.registerId) ?? emptyAnchor(page.registerId);
      const checked = await check({ ...page, bytes, nextNumber: anchor.nextNumber }, anchor.policy);
      if (!checked.ok) return checked;
      const { head, stop } = await commitPages([checked.value], {
        sourcePeerId: null,
        isOrigin: page.isOrigin ?? false,
      });
      if (head !== null) return { ok: true, value: head };
      if (stop !== null && stop !== "moved") return { ok: false, refusal: stop };
      bytes = checked.value.bytes;
    }
    return {
      ok: false,
      refusal: {
        code: "number",
        docketNumber: null,
        message: "The register kept moving while these dockets were taken in",
      },
    };
  }

  return {
    check,
    takeIn(page) {
      const lock = locks.get(page.registerId) ?? new Mutex();
      locks.set(page.registerId, lock);
      const taking = lock.run(() => takeInAlone(page));
      const forget = () => {
        if (lock.isIdle) locks.delete(page.registerId);
      };
      taking.then(forget, forget);
      return taking;
    },
  };
}

const attemptsMax = 3;

/**
 * The answer for a page whose first docket's place is taken here: fine if it is the same docket, a
 * contradiction if not. Null when the place is free.
 */
async function findHeld(page: { registerId: string; bytes: Uint8Array }): Promise<Taken | null> {
  const anchor = anchorOf(page.registerId);
  const scanned = scanPage(page.bytes);
  const first = scanned.ok ? scanned.value.bundles[0] : undefined;
  if (anchor === null || first === undefined) return null;
  const start = first.offset + first.docketOffset;
  const docket = decodeDocket(page.bytes.subarray(start, start + first.docketLength));
  if (!docket.ok || docket.value.docketNumber >= anchor.nextNumber) return null;
  const { docketNumber, docketHash } = docket.value;
  const stored = await readDocket(sql(), { registerId: page.registerId, number: docketNumber });
  if (stored === null) return null;
  if (stored.hash === docketHash) {
    const head = { registerId: page.registerId, number: docketNumber, hash: docketHash };
    return { ok: true, value: head, alreadyHeld: true };
  }
  const message = `This node holds another docket ${docketNumber}, with hash ${stored.hash}`;
  return { ok: false, refusal: { code: "number", message, docketNumber } };
}
