import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { utf8 } from "../../src/base/bytes.ts";
import { sha256Hex } from "../../src/dockets/hash.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { docketSync, registerSync, replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { onEachStore } from "../support/database.ts";
import { closeRpcNode, keepPrivate, openRpcNode } from "../support/rpc-node.ts";

const registerId = "secret";
const genesisId = sha256Hex(utf8(`genesis-${registerId}`));
const unary = { deadlineMs: 10_000 };

/** Every call that serves a register, and asks for the first answer. */
const calls: Record<string, (channel: Channel, peerId: string) => Promise<unknown>> = {
  PullRange: (channel) => first(channel.stream(replication.pullRange, { registerId })),
  "PullRange of the policy alone": (channel) =>
    first(channel.stream(replication.pullRange, { registerId, controlOnly: true })),
  "PullRange of headers alone": (channel) =>
    first(channel.stream(replication.pullRange, { registerId, headersOnly: true })),
  Follow: (channel) => first(channel.stream(replication.follow, { registerId })),
  PullDocketChain: (channel, peerId) =>
    first(channel.stream(registerSync.pullDocketChain, { registerId, peerId })),
  PullDocketTransactions: (channel, peerId) =>
    first(
      channel.stream(registerSync.pullDocketTransactions, {
        registerId,
        peerId,
        transactionIds: [genesisId],
      }),
    ),
  SubscribeToRegister: (channel, peerId) => {
    // It has nothing to say yet: an answer is that it stays open.
    const stream = channel.stream(
      registerSync.subscribeToRegister,
      { registerId, peerId },
      { silenceMs: 500 },
    );
    return first(stream).catch((error) => {
      if (error.code !== "timeout") throw error;
    });
  },
  GetRegisterSyncStatus: (channel, peerId) =>
    channel.unary(registerSync.getRegisterSyncStatus, { registerId, peerId }, unary),
  SyncDockets: (channel) => first(channel.stream(docketSync.syncDockets, { registerId })),
  GetLatestDocketNumber: (channel) =>
    channel.unary(docketSync.getLatestDocketNumber, { registerId }, unary),
};

onEachStore("A private register (weakness 24)", () => {
  let address = "";

  beforeAll(async () => {
    ({ address } = await openRpcNode());
    await keepPrivate(registerId, ["proven-friend", "friend"]);
  });
  afterAll(() => closeRpcNode());

  for (const [name, call] of Object.entries(calls)) {
    describe(name, () => {
      test("refuses callers without a name, of a claimed name, and proven strangers", async () => {
        const callers = [
          { peerId: "" },
          { nodeId: "friend", peerId: "friend" },
          { peerId: "proven-friend" },
          { nodeId: "proven-stranger", peerId: "proven-stranger" },
        ];
        for (const { peerId, ...told } of callers) {
          const channel = openChannel({ address, ...told });
          const failed = await call(channel, peerId).catch((error) => error);
          expect(refusalOf(failed)?.name).toBe("FORBIDDEN");
          channel.close();
        }
      });

      test("serves a reader that proved its name", async () => {
        const channel = openChannel({ address, nodeId: "proven-friend" });
        await call(channel, "proven-friend");
        channel.close();
      });
    });
  }

  test("A reader's request can't carry another name than its caller's", async () => {
    const channel = openChannel({ address, nodeId: "proven-stranger" });
    const failed = await calls.PullDocketChain?.(channel, "proven-friend").catch((error) => error);
    expect(failed).toMatchObject({ kind: "unauthenticated", code: "false-identity" });
    channel.close();
  });
});

async function first(stream: AsyncIterableIterator<unknown>): Promise<unknown> {
  const answer = await stream.next();
  await stream.return?.();
  return answer.value;
}
