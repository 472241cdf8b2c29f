import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, until } from "../support/node.ts";

const cluster = new Cluster("embedded");

test("SIGHUP: log level and token keys are read again, and what is unusable changes nothing", async () => {
  const config = await cluster.write("peer.json", '{"logLevel":"info"}');
  const node = await cluster.start("reloaded", { flags: ["--config", config] });
  const isRead = (times: number) => async () =>
    node.log().filter((line) => line.msg === "Settings were read again").length === times;
  const old = (await node.ok(["token", "--service", "-q"], { bare: false })).trim();
  const keyFile = join(node.dataDir, "jwt.key");
  writeFileSync(keyFile, `${"n".repeat(40)}\n${readFileSync(keyFile, "utf8")}`);
  process.kill(node.pid, "SIGHUP");
  await until(isRead(1), "the settings to be read again");
  const fresh = (await node.ok(["token", "--service", "-q"])).trim();
  const statusWith = async (token: string) =>
    (
      await fetch(`${node.httpUrl}/api/registers`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  expect([await statusWith(old), await statusWith(fresh)]).toEqual([200, 200]);

  writeFileSync(keyFile, `${"n".repeat(40)}\n`);
  writeFileSync(config, '{"logLevel":"debug"}');
  process.kill(node.pid, "SIGHUP");
  await until(isRead(2), "the settings to be read again");
  expect([await statusWith(old), await statusWith(fresh)]).toEqual([401, 200]);

  writeFileSync(config, '{"logLevel":"shouting"}');
  process.kill(node.pid, "SIGHUP");
  const refused = async () =>
    node.log().some((line) => line.msg === "Settings were not read again");
  await until(refused, "the bad settings to be refused");
  expect(await statusWith(fresh)).toBe(200);
  expect(await node.stop()).toBe(0);
});

test("SIGHUP: seeds are reached and rates hold, without a restart", async () => {
  const other = await cluster.start("other");
  const config = await cluster.write("more.json", "{}");
  // Settings of the environment would go before the file's.
  const environment = { PEER_READS_PER_MINUTE: "", PEER_WRITES_PER_MINUTE: "" };
  const flags = ["--config", config];
  const node = await cluster.start("seedless", { flags, environment });
  expect(await node.get("/api/peers")).toEqual([]);
  writeFileSync(config, JSON.stringify({ seeds: [other.grpcAddress] }));
  process.kill(node.pid, "SIGHUP");
  const isConnected = async () => {
    const peers = await node.get<{ isConnected: boolean; isSeedNode: boolean }[]>("/api/peers");
    return peers.some((peer) => peer.isConnected && peer.isSeedNode);
  };
  // Asked slowly: a thousand questions a minute are let in.
  while (!(await isConnected())) await Bun.sleep(200);

  writeFileSync(config, JSON.stringify({ seeds: [other.grpcAddress], readsPerMinute: 1 }));
  process.kill(node.pid, "SIGHUP");
  const isRead = async () =>
    node.log().filter((line) => line.msg === "Settings were read again").length === 2;
  await until(isRead, "the settings to be read again");
  const statuses = [];
  for (let asked = 0; asked < 2; asked += 1) {
    statuses.push((await fetch(`${node.httpUrl}/api/peers`)).status);
  }
  expect(statuses).toEqual([200, 429]);
});
