import type { PeerError } from "../base/error.ts";
import * as distribution from "../distribution/distribution.ts";
import type { Head, Outcome } from "../dockets/types.ts";
import { availableRegisters } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { mesh } from "../peers/network.ts";
import { listRegisters, registerOf } from "../registers/heads.ts";
import { readDockets } from "../registers/stored-dockets.ts";
import { findTransaction } from "../registers/transactions-table.ts";
import { localAdverts } from "../replication/local-adverts.ts";
import { ambers } from "../replication/node-health.ts";
import * as subscriptions from "../replication/subscriptions.ts";
import * as upkeep from "../replication/upkeep.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { vitalsMeter } from "../runtime/vitals.ts";
import * as origin from "../sealing/origin.ts";
import { health, sql } from "../store/sql.ts";
import { metricsText } from "../telemetry/meter.ts";
import { nodeGroups } from "./node-groups.ts";
import { nodeNews } from "./node-news.ts";
import { nodePeerDesk, viewOf } from "./node-peers.ts";
import { rememberBriefly } from "./remember.ts";
import type { RestSource } from "./source.ts";
import { storedAnswers } from "./stored-answers.ts";

/** What REST asks, answered by the real node. */
export function nodeSource(facts: {
  nodeId: string;
  version: string;
  grpcAddress: string;
  revokeToken: RestSource["revokeToken"];
  trustStatus: RestSource["trustStatus"];
  listSettings: RestSource["listSettings"];
  takeIn: (page: {
    registerId: string;
    bytes: Uint8Array<ArrayBuffer>;
  }) => Promise<Outcome<Head> & { alreadyHeld?: boolean }>;
}): RestSource {
  let lastTrouble: PeerError | null = null;
  return {
    nodeId: facts.nodeId,
    version: facts.version,
    grpcAddress: facts.grpcAddress,
    checks: async () => {
      lastTrouble = await health().check();
      return { database: lastTrouble === null, listener: true };
    },
    storeTrouble: () => lastTrouble,
    ambers,
    metricsText,
    trustStatus: facts.trustStatus,
    vitals: vitalsMeter(),
    listSettings: facts.listSettings,
    queueSize: origin.queueSize,
    queueDesk,
    answers: storedAnswers(),
    listPeers: () => book().list().map(viewOf),
    getPeer: (peerId) => {
      const peer = book().get(peerId);
      return peer === null ? null : viewOf(peer);
    },
    peerDesk: nodePeerDesk(),
    availableRegisters: rememberBriefly(() => availableRegisters(localAdverts(null)), {
      keepMs: limits.availableMs,
      clock: systemClock,
    }),
    listRegisters,
    getRegister: registerOf,
    readBundles: readDockets,
    findTransaction: async (wanted) => {
      const found = await findTransaction(sql(), wanted);
      return found === null ? null : { ...found, version: found.version ?? 0 };
    },
    listSubscriptions: subscriptions.listSubscriptions,
    subscribe: subscriptions.subscribe,
    unsubscribe,
    purge,
    groups: nodeGroups,
    upkeepOf: upkeep.statusOf,
    beginUpkeep: upkeep.begin,
    pause: subscriptions.pause,
    resume: subscriptions.resume,
    createRegister: origin.createRegister,
    changePolicy: origin.changePolicy,
    submit: origin.submit,
    importRecords: origin.importRecords,
    ...nodeNews,
    revokeToken: facts.revokeToken,
    takeIn: facts.takeIn,
  };
}

const unsubscribe: RestSource["unsubscribe"] = async (registerId, options) => {
  if (options.purge) await upkeep.forget(registerId);
  await subscriptions.unsubscribe(registerId, options);
  mesh().tellSoon();
};

const purge: RestSource["purge"] = async (registerId) => {
  await upkeep.forget(registerId);
  await subscriptions.purge(registerId);
  mesh().tellSoon();
};

const queueDesk: RestSource["queueDesk"] = {
  list: async (page) => {
    const { count: waiting, deadCount: dead } = origin.queue();
    const transactions = await origin.queue().list({ ...page, transactionId: null });
    return { waiting, dead, transactions };
  },
  find: async (wanted) => {
    const page = { ...wanted, offset: 0, limit: 1, state: null };
    const [queued = null] = await origin.queue().list(page);
    return { queued, isPending: distribution.isPending(wanted) };
  },
  retry: (wanted) => origin.queue().retry(wanted),
  drop: (wanted) => origin.queue().drop(wanted),
};
