import { assert } from "../../src/base/assert.ts";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import { buildGenesis } from "../../src/dockets/envelope.ts";
import { joinPage } from "../../src/dockets/join.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import { appendPage } from "../../src/registers/append.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import * as hotCache from "../../src/registers/hot-cache.ts";
import * as purge from "../../src/registers/purge.ts";
import type { NetworkView } from "../../src/replication/network-head.ts";
import { docketSyncHandlers } from "../../src/rpc/docket-sync.ts";
import { registerSyncHandlers } from "../../src/rpc/register-sync.ts";
import { replicationHandlers } from "../../src/rpc/replication.ts";
import type { FollowState } from "../../src/rpc/served.ts";
import * as rpc from "../../src/rpc/server.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Handler } from "../../src/wire/serve.ts";
import { TestChain } from "./test-chain.ts";

/** What this process follows, for `subscriptionOf`, and what others are said to have of it. */
export const followed = new Map<string, FollowState>();
export const elsewhere = new Map<string, NetworkView>();

/**
 * The serving half of a node on a store that is open: registers, feed and the gRPC listener. A
 * caller named `proven-…` counts as having proven it; how that goes is for tests/trust.
 */
export async function openRpcNode(more: readonly Handler[] = []): Promise<{ address: string }> {
  await heads.open();
  hotCache.open({ bytesMax: 32 * 2 ** 20 });
  feed.open();
  await purge.open();
  const options = {
    nodeId: "served",
    clock: systemClock,
    subscriptionOf: (registerId: string) => followed.get(registerId) ?? null,
    hello: () => ({ nodeId: "served" }),
  };
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: [
      ...replicationHandlers(options),
      ...registerSyncHandlers(options),
      ...docketSyncHandlers({ ...options, network }),
      ...more,
    ],
    showDetails: false,
    isServing: () => true,
    identify: ({ claimedId: peerId }) => {
      const isProven = peerId?.startsWith("proven-") === true;
      return { peerId, provenId: isProven ? peerId : null, publicKey: null };
    },
  });
  return { address: `127.0.0.1:${port}` };
}

export async function closeRpcNode(): Promise<void> {
  await rpc.close();
  await purge.close();
  feed.close();
  hotCache.close();
  heads.close();
  followed.clear();
  elsewhere.clear();
}

function network(registerId: string): NetworkView {
  return elsewhere.get(registerId) ?? { head: null, isAvailable: false, isPublic: true };
}

/** Stores the chain's dockets `from` to `to`, as replication or sealing would. */
export async function keep(chain: TestChain, from: number, to: number): Promise<void> {
  await appendPage(chain.page(from, to));
}

/** Stores a private register of one docket. */
export async function keepPrivate(registerId: string, readers: string[]): Promise<void> {
  const { signer, policy: open } = new TestChain(registerId);
  const policy = { ...open, isPublic: false, readers };
  const genesis = buildGenesis({ registerId, policy, createdAtMs: 1_767_225_600_000, signer });
  const bundles = [encodeBundle(genesis)];
  const checked = verifyPage({
    registerId,
    bytes: encodePage({ bundles, headNumber: 0, firstVersion: 1 }),
    nextNumber: 0,
    policy: null,
    nowMs: systemClock.nowMs(),
    verifyTransactions: "all",
    acceptUnsealed: false,
  });
  const anchor = { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
  const joined = checked.ok ? joinPage(anchor, checked.value) : checked;
  assert(joined.ok, joined.ok ? "" : `a test register is true: ${joined.refusal.message}`);
  await appendPage(joined.value);
}
