/**
 * A seed that is known by a name, in a mount namespace with a hosts file and a resolver of the
 * test's own: the name is unknown at first, goes away, and comes to mean another address, all of it
 * while a register is being brought. Nobody helps.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { unevenRecords } from "../support/records.ts";

const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-names-"));
const hosts = join(folder, "hosts");
const resolver = join(folder, "resolv.conf");
const name = "far.sorcha.test";
const environment = {
  PEER_HEARTBEAT_MS: "1000",
  PEER_HEARTBEAT_TIMEOUT_MS: "2000",
  PEER_CONNECT_TIMEOUT_MS: "2000",
  // A node with a name for its address is taken for one of the public network.
  PEER_ALLOW_PRIVATE: "true",
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command with these files for the machine's own. */
const within = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount --bind ${hosts} /etc/hosts && mount --bind ${resolver} /etc/resolv.conf && exec "$@"`,
  "sh",
];
// Nobody answers there: names that are not in the file can't be resolved.
writeFileSync(resolver, "nameserver 127.0.0.254\noptions timeout:1 attempts:1\n");
means(null);
const mayMount = Bun.spawnSync([...within, "true"], { stderr: "ignore" }).exitCode === 0;
if (!mayMount) console.log("Mount namespaces are not permitted here: names are passed over");

const cluster = new Cluster("embedded");

test.skipIf(!mayMount)("A source whose name goes and comes to mean another address", async () => {
  const far = await cluster.start("far", { environment, flags: ["--advertise", name] });
  const port = far.grpcAddress.split(":").at(-1);
  const near = await cluster.start("near", {
    environment: { ...environment, PEER_RECEIVE_BYTES_PER_SECOND: "400000" },
    flags: ["--seed", `${name}:${port}`],
    within,
  });
  // It serves, whatever becomes of its seed.
  expect(await near.get<unknown[]>("/api/peers")).toEqual([]);
  means("127.0.0.1");
  await until(() => isConnected(near), "near to reach far by its name");
  const file = await cluster.write("names.ndjson", unevenRecords(3_000, 31));
  const { registerId } = await far.import(file, "names");
  const head = (await far.register(registerId))?.headDocketNumber ?? -1;
  await near.hears(registerId);
  await near.subscribe(registerId);
  const height = async () => (await near.register(registerId))?.height ?? 0;
  await until(async () => (await height()) > 0, "some of it to be here");

  means(null);
  await far.stop();
  await until(async () => !(await isConnected(near)), "near to lose far");
  expect(await height()).toBeLessThan(head);
  far.move("127.0.0.2");
  await far.start();
  means("127.0.0.2");
  await near.holds(registerId, head);
  expect(await near.exportHash(registerId)).toBe(await far.exportHash(registerId));
  const peers = await near.get<Record<string, unknown>[]>("/api/peers");
  expect(peers).toMatchObject([{ peerId: "far", isBanned: false, quarantinedUntil: null }]);
});

/** Written over: who has it mounted sees the new words. */
function means(address: string | null): void {
  const own = address === null ? "" : `${address} ${name}\n`;
  writeFileSync(hosts, `127.0.0.1 localhost\n${own}`);
}

async function isConnected(node: TestNode): Promise<boolean> {
  const peers = await node.get<{ peerId: string; isConnected: boolean }[]>("/api/peers");
  return peers.some((peer) => peer.peerId === "far" && peer.isConnected);
}
