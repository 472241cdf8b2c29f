import { expect, test } from "bun:test";
import type { PeerError } from "../../src/base/error.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";
import { openChannel } from "../../src/wire/client.ts";
import { replication } from "../../src/wire/services.ts";
import { openCuttableProxy } from "../support/cuttable-proxy.ts";
import { hasServer, makeSchema } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { closeRpcNode, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

test.skipIf(!hasServer())(
  "with the database gone what is in memory is served, and the rest is refused clearly",
  async () => {
    const made = await makeSchema();
    const url = new URL(made.options.connection as string);
    const proxy = await openCuttableProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.host = `127.0.0.1:${proxy.port}`;
    await store.open({ ...made.options, connection: url.href });
    await migrate();
    const warm = new TestChain("warm").sealMany(20, 2);
    await openRpcNode();
    await keep(warm, 0, 9);
    await closeRpcNode();
    // A start empties the memory; what comes from then on is in it.
    const { address } = await openRpcNode();
    const channel = openChannel({ address });
    await keep(warm, 10, 20);
    await proxy.cut();
    const ask = (nextDocket: number) =>
      Array.fromAsync(channel.stream(replication.pullRange, { registerId: "warm", nextDocket }));
    expect((await ask(10)).length).toBe(1);
    const { kind, code } = (await errorOf(ask(9))) as PeerError;
    expect([kind, code]).toEqual(["network", "database-unreachable"]);
    await proxy.mend();
    await store.ping();
    expect((await ask(9)).length).toBeGreaterThan(0);
    channel.close();
    await closeRpcNode();
    await store.close();
    await proxy.close();
    await made.remove();
  },
  60_000,
);
