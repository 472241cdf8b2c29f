import { owned } from "../base/bytes.ts";
import { readBundle, scanPage } from "../dockets/bundle.ts";
import type { CheckedPage, Outcome, Policy, RefusalCode } from "../dockets/types.ts";
import { type Source, sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import { quarantine } from "../peers/standing.ts";
import { registerOf } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import { health } from "../store/sql.ts";
import { replication } from "../wire/services.ts";
import { verifyPage } from "../workers/pool.ts";
import { withinBudget } from "./budgets.ts";
import { commitPages } from "./commit.ts";
import { noteContradiction } from "./evidence.ts";
import type { SourceReport } from "./judge.ts";
import type { LoopOptions } from "./loop-options.ts";
import { pullPages, pullRange } from "./pull.ts";
import type { Road, RoadSettings } from "./road.ts";
import { startForwardOnly } from "./start.ts";
import type { CheckStored } from "./stored-policy.ts";
import { listSubscriptions } from "./subscriptions.ts";
import type { UpkeepOptions } from "./upkeep.ts";

export interface BindingOptions extends RoadSettings {
  nodeId: string;
  road: Road;
  pullTimeoutMs: number;
  pullDocketCount: number;
  historyOrder: "oldest-first" | "newest-first";
  /** This node speaks sorcha.peer.replication.v1. */
  replicationProtocol: boolean;
}

/** The road's check of what is stored here already. */
function checkStoredUnder(settings: RoadSettings): CheckStored {
  return (page, policy) =>
    verifyPage({
      ...page,
      bytes: owned(page.bytes),
      policy,
      nowMs: settings.clock.nowMs(),
      verifyTransactions: settings.verifyTransactions,
      acceptUnsealed: settings.acceptUnsealed || isChainOnly(page.registerId),
    });
}

/** It was let in without seals: what the setting says now is not asked again. */
function isChainOnly(registerId: string): boolean {
  return registerOf(registerId)?.verification === "chain";
}

/** What of a loop is bound to its register. */
export type RegisterStation =
  | "sources"
  | "pull"
  | "pullRange"
  | "start"
  | "check"
  | "commit"
  | "isNewestFirst"
  | "checkStored"
  | "whenStorable"
  | "storeTrouble"
  | "compare";

/** The stations of one register's loop, bound to the real peers, threads and store. */
export function bindRegister(
  register: { registerId: string; genesisHash: string | null },
  options: BindingOptions,
): Pick<LoopOptions, RegisterStation> {
  const { registerId } = register;
  const pin = register.genesisHash === null ? {} : { genesisHash: register.genesisHash };
  return {
    sources: () => sourcesOf(registerId),
    isNewestFirst: options.historyOrder === "newest-first",
    checkStored: checkStoredUnder(options),
    pull: (source, cursor) => {
      const pages = pullPages(source, {
        registerId,
        nextNumber: cursor.nextNumber,
        channel: channelTo(source),
        nodeId: options.nodeId,
        pullTimeoutMs: options.pullTimeoutMs,
        pullDocketCount: options.pullDocketCount,
        usesReplication: source.speaksReplication && options.replicationProtocol,
        clock: options.clock,
        signal: cursor.signal,
      });
      return withinBudget(pages, { registerId, peerId: source.peerId, signal: cursor.signal });
    },
    pullRange: (source, range) => {
      const pages = pullRange(source, {
        registerId,
        nextNumber: range.from,
        docketCount: range.count,
        ...(range.bytesMax === undefined ? {} : { bytesMax: range.bytesMax }),
        channel: channelTo(source),
        nodeId: options.nodeId,
        pullTimeoutMs: options.pullTimeoutMs,
        clock: options.clock,
        signal: range.signal,
      });
      return withinBudget(pages, { registerId, peerId: source.peerId, signal: range.signal });
    },
    start: (source, signal) =>
      startForwardOnly(source, {
        registerId,
        channel: channelTo(source),
        nodeId: options.nodeId,
        pullTimeoutMs: options.pullTimeoutMs,
        usesReplication: source.speaksReplication && options.replicationProtocol,
        clock: options.clock,
        signal,
        check: (page, policy) => checkStart({ ...page, registerId, ...pin }, { options, policy }),
      }),
    check: (page, policy) => options.road.check({ ...page, ...pin }, policy),
    commit: (pages, sourcePeerId) => commitPages(pages, { sourcePeerId }),
    whenStorable: () => health().whenWell(),
    storeTrouble: () => health().trouble,
    compare: (peerId, docketNumber) => {
      compareDockets({ registerId, peerId, docketNumber, timeoutMs: options.pullTimeoutMs }).catch(
        () => undefined,
      );
    },
  };
}

/** What the upkeep of all registers needs, from the same settings. */
export function upkeepOptions(
  config: Omit<BindingOptions, "nodeId" | "road" | "clock"> & {
    auditMs: number;
    auditBytesPerSecond: number;
  },
  given: { identity: { nodeId: string }; road: Road; clock: Clock; dice: () => number },
): UpkeepOptions {
  const { road, clock, dice } = given;
  const bound = { ...config, nodeId: given.identity.nodeId, road, clock };
  return {
    auditMs: config.auditMs,
    auditBytesPerSecond: config.auditBytesPerSecond,
    checkStored: checkStoredUnder(bound),
    isCatchingUp: () =>
      listSubscriptions().some((one) => one.isReceiving && one.syncState === "Syncing"),
    stationsOf: (registerId, genesisHash) => bindRegister({ registerId, genesisHash }, bound),
    report: reportSource,
    clock,
    dice,
  };
}

/**
 * What a source turned out to be worth goes into its score. A lie weighs as much as many silences,
 * and whoever told it is left alone for a while.
 */
export function reportSource(report: SourceReport): void {
  const { peerId } = report;
  if (report.kind === "good") {
    book().reportSuccess(peerId, { what: "It gave dockets" });
    return;
  }
  if (report.kind === "unreachable") {
    const { code, message } = report.error;
    book().reportFailure(peerId, { code, what: `As a source: ${message}` });
    return;
  }
  const { code, docketNumber, message } = report.refusal;
  const where = docketNumber === null ? "" : ` in docket ${docketNumber}`;
  const what = `It served something false${where} (${code}): ${message}`;
  const isLie = !honest.has(code);
  book().reportFailure(peerId, { code, what, weight: isLie ? lieWeight : 1 });
  if (isLie) quarantine(book(), peerId, { code, reason: what });
}

const lieWeight = 20;
/** What an honest peer may cause: bodies it does not have, a clock that is off, other trust. */
const honest: ReadonlySet<RefusalCode> = new Set(["count", "time", "genesis"]);

function checkStart(
  page: {
    registerId: string;
    bytes: Uint8Array;
    nextNumber: number;
    isPolicyChain: boolean;
    genesisHash?: string;
  },
  under: { options: BindingOptions; policy: Policy | null },
): Promise<Outcome<CheckedPage>> {
  const { options, policy } = under;
  return verifyPage({
    ...page,
    bytes: new Uint8Array(page.bytes),
    policy,
    nowMs: options.clock.nowMs(),
    verifyTransactions: options.verifyTransactions,
    acceptUnsealed: options.acceptUnsealed,
  });
}

/** Two sealed dockets with one number are evidence, whichever of them is stored here. */
async function compareDockets(asked: {
  registerId: string;
  peerId: string;
  docketNumber: number;
  timeoutMs: number;
}): Promise<void> {
  const { registerId, peerId, docketNumber, timeoutMs } = asked;
  const frames = channelTo(asked).stream(
    replication.pullRange,
    { registerId, nextDocket: docketNumber, docketCountMax: 1, bytesMax: 1, headersOnly: true },
    { silenceMs: timeoutMs },
  );
  for await (const frame of frames) {
    const scanned = scanPage(frame);
    const first = scanned.ok ? scanned.value.bundles[0] : undefined;
    if (first === undefined) return;
    const bundle = readBundle(frame.subarray(first.offset, first.offset + first.length));
    if (bundle === null) return;
    const { docketData } = bundle;
    await noteContradiction({ registerId, docketNumber, docketData, peerId });
    return;
  }
}

function channelTo(source: Pick<Source, "peerId">) {
  const peer = book().get(source.peerId);
  if (peer === null) throw new Error(`Peer ${source.peerId} is no longer known`);
  return channels().to(peer);
}
