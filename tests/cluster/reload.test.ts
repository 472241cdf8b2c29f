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
