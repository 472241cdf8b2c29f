import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeEmbedded } from "../support/database.ts";
import { Cluster, command, lastLine, type TestNode, until } from "../support/node.ts";
import { unevenRecords } from "../support/records.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const environment = {
  PEER_HEARTBEAT_MS: "1000",
  PEER_HEARTBEAT_TIMEOUT_MS: "2000",
  PEER_CONNECT_TIMEOUT_MS: "3000",
  PEER_WORKERS: "0",
};

async function isConnected(node: TestNode, peerId: string): Promise<boolean> {
  const peers = await node.get<{ peerId: string; isConnected: boolean }[]>("/api/peers");
  return peers.some((peer) => peer.peerId === peerId && peer.isConnected);
}

describe("A line with faults", () => {
  const cluster = new Cluster("embedded");

  test("is noticed where it hangs, and healed by itself once it is well", async () => {
    const line = await TcpProxy.open();
    const flags = ["--advertise", line.address];
    const far = await cluster.start("far", { flags, environment });
    line.target = far.grpcAddress;
    const seed = ["--seed", line.address];
    const near = await cluster.start("near", { flags: seed, environment });
    const connected = () => until(() => isConnected(near, "far"), "near to reach far");
    const lost = () => until(async () => !(await isConnected(near, "far")), "near to lose far");
    await connected();
    line.faults.delayMs = 500;
    await far.stop();
    await far.start();
    await connected();
    line.faults.delayMs = 0;
    for (const fault of ["isStalled", "isOneWay"] as const) {
      line.faults[fault] = true;
      await lost();
      line.faults[fault] = false;
      await connected();
    }
    line.faults.isHalfOpen = true;
    line.reset();
    await lost();
    line.faults.isHalfOpen = false;
    line.reset();
    await connected();
    line.close();
  });

  test("that is narrow and cut again and again brings every record over, and blames nobody", async () => {
    const line = await TcpProxy.open();
    const flags = ["--advertise", line.address];
    const far = await cluster.start("far", { flags, environment });
    line.target = far.grpcAddress;
    const near = await cluster.start("near", { flags: ["--seed", line.address], environment });
    const file = await cluster.write("many.ndjson", unevenRecords(4_000, 7));
    const { registerId } = await far.import(file, "many");
    await near.hears(registerId);
    line.faults.bytesPerSecond = 500_000;
    await near.subscribe(registerId);
    for (let cut = 0; cut < 10; cut += 1) {
      const more = await cluster.write("more.ndjson", unevenRecords(20, cut));
      await far.ok(["import", more, "--register", registerId]);
      line.reset();
      await Bun.sleep(300);
    }
    line.faults.bytesPerSecond = null;
    const whole = await far.register(registerId);
    await near.holds(registerId, whole?.headDocketNumber ?? -1);
    expect(whole?.transactionCount).toBeGreaterThan(4_200);
    expect(await near.exportHash(registerId)).toBe(await far.exportHash(registerId));
    const [peer] = await near.get<Record<string, unknown>[]>("/api/peers");
    expect(peer).toMatchObject({ peerId: "far", isBanned: false, quarantinedUntil: null });
    expect(near.log().filter((entry) => entry.msg === "A source is blamed for a lie")).toEqual([]);
    line.close();
  });
});

describe("A road of a second there and back", () => {
  const cluster = new Cluster("embedded");

  test("that is cut in the middle of a catch-up brings every docket over once", async () => {
    const line = await TcpProxy.open();
    const far = await cluster.start("far", { flags: ["--advertise", line.address] });
    line.target = far.grpcAddress;
    const file = await cluster.write("long.ndjson", unevenRecords(6_000, 23));
    const { registerId } = await far.import(file, "long");
    line.faults.delayMs = 500;
    line.faults.bytesPerSecond = 10_000_000;
    const near = await cluster.start("near", { flags: ["--seed", line.address] });
    await near.hears(registerId);
    await near.subscribe(registerId);
    const head = (await far.register(registerId))?.headDocketNumber ?? -1;
    const height = async () => (await near.register(registerId))?.height ?? 0;
    for (const part of [0, 0.3]) {
      await until(async () => (await height()) > part * head, "some of it to be here");
      line.reset();
    }
    expect(await height()).toBeLessThan(head);
    await near.holds(registerId, head);
    const starts = near.log().filter((entry) => entry.msg === "Pulling from here on");
    const from = starts.map((entry) => entry.nextDocket as number);
    expect(from).toEqual(from.toSorted((left, right) => left - right));
    expect(await near.exportHash(registerId)).toBe(await far.exportHash(registerId));
    expect(near.log().filter((entry) => entry.msg === "A source is blamed for a lie")).toEqual([]);
    line.close();
  });
});

describe("Two network namespaces", () => {
  const names = ["sorcha-test-a", "sorcha-test-b"] as const;
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-partition-"));
  const mayMake = run("ip", "netns", "add", names[0]) && run("ip", "netns", "del", names[0]);
  if (!mayMake)
    console.log("Network namespaces are not permitted here: the partition is passed over");
  const children: Bun.Subprocess[] = [];
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    for (const name of names) run("ip", "netns", "del", name);
    rmSync(folder, { recursive: true, force: true });
  });

  beforeAll(async () => {
    if (!mayMake) return;
    for (const name of names) expect(run("ip", "netns", "add", name)).toBe(true);
    const ends = ["sorcha-a", "netns", names[0], "type", "veth"];
    run("ip", "link", "add", ...ends, "peer", "sorcha-b", "netns", names[1]);
    for (const [at, name] of names.entries()) {
      const device = at === 0 ? "sorcha-a" : "sorcha-b";
      inside(name, "ip", "address", "add", `10.213.0.${at + 1}/24`, "dev", device);
      inside(name, "ip", "link", "set", device, "up");
      inside(name, "ip", "link", "set", "lo", "up");
    }
    for (const [at, name] of names.entries()) {
      // A first start takes seconds, and is tested elsewhere.
      const { options } = await makeEmbedded();
      renameSync(options.dataDir, join(folder, `node-${at}`));
      serve(name, at);
    }
    await until(async () => sees(0) && sees(1), "both to see each other");
  }, 120_000);

  test.skipIf(!mayMake)("part and meet again without an operator", async () => {
    inside(names[0], "ip", "link", "set", "sorcha-a", "down");
    await until(async () => !sees(0) && !sees(1), "both to lose each other");
    inside(names[0], "ip", "link", "set", "sorcha-a", "up");
    await until(async () => sees(0) && sees(1), "both to meet again");
  });

  test.skipIf(!mayMake)("that lose three packets of ten bring a register over", async () => {
    const lose = (...rule: string[]) => ["INPUT", "-p", "tcp", "--dport", "5001", ...rule];
    const random = ["-m", "statistic", "--mode", "random", "--probability", "0.3", "-j", "DROP"];
    const file = join(folder, "few.ndjson");
    await Bun.write(file, unevenRecords(100, 11));
    const words = ["import", file, "--name", "lossy", "--output", "json"];
    const { registerId } = JSON.parse(lastLine(ask(0, ...words).output)) as { registerId: string };
    const answers = ["INPUT", "-p", "tcp", "--sport", "5001", ...random];
    if (!run("ip", "netns", "exec", names[1], "iptables", "-A", ...answers)) {
      console.log("Packets can't be dropped at random here: their loss is passed over");
      return;
    }
    inside(names[0], "iptables", "-A", ...lose(...random));
    const isKnown = async () => ask(1, "registers", "available").output.includes(registerId);
    await until(isKnown, "the register to be heard of");
    const mode = ["--mode", "full-replica", "--wait"];
    expect(ask(1, "registers", "subscribe", registerId, ...mode).code).toBe(0);
    const copies = [0, 1].map((at) => ask(at, "export", registerId).output);
    expect(copies[0]?.length).toBeGreaterThan(5_000);
    expect(copies[1]).toBe(copies[0] ?? "");
    const peer = ask(1, "peers", "list", "--output", "json").output;
    expect(JSON.parse(peer)).toMatchObject([{ isBanned: false, quarantinedUntil: null }]);
  });

  function serve(name: string, at: number): void {
    const where = ["--host", `10.213.0.${at + 1}`, "--grpc-port", "5001", "--http-port", "8080"];
    const who = ["--node-id", `node-${at}`, "--data-dir", join(folder, `node-${at}`)];
    const seed = ["--seed", `10.213.0.${2 - at}:5001`];
    children.push(
      Bun.spawn(["ip", "netns", "exec", name, ...command, "serve", ...where, ...who, ...seed], {
        env: { ...process.env, ...environment },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      }),
    );
  }

  function sees(at: number): boolean {
    const words = ["peers", "list", "--status", "connected", "--output", "json"];
    const { code, output } = ask(at, ...words);
    return code === 0 && output.includes(`node-${1 - at}`);
  }

  /** The program's own command inside the namespace. */
  function ask(at: number, ...words: string[]): { code: number; output: string } {
    const where = ["--data-dir", join(folder, `node-${at}`)];
    const within = ["ip", "netns", "exec", names[at] ?? ""];
    const asked = Bun.spawnSync([...within, ...command, ...words, ...where], { stderr: "ignore" });
    return { code: asked.exitCode, output: asked.stdout.toString() };
  }

  function inside(name: string, ...words: string[]): void {
    expect(run("ip", "netns", "exec", name, ...words)).toBe(true);
  }
});

function run(...words: string[]): boolean {
  try {
    return Bun.spawnSync(words, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}
