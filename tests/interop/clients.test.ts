import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import protobuf from "protobufjs";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";
import { protoFiles } from "../../src/wire/services.ts";
import { makeEmbedded, type TestStore } from "../support/database.ts";
import { closeRpcNode, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

// Programs that share no code with this one call a listener of this process: buf (Go), Node, and
// Python on gRPC's C core. The register they fetch ends with a docket of more than 12 MiB.
const folder = `${import.meta.dir}/../..`;
const large = JSON.stringify("ä".repeat(3.2 * 1024 * 1024));
const chain = new TestChain("r1").sealMany(50, 4).seal([large, large]);
const whole = { dockets: 52, transactions: 203 };
const python = "/usr/bin/python3";
const hasPython = (await run([python, "-c", "import grpc"])).code === 0;
if (!hasPython) {
  console.warn(
    "SKIPPED: the Python client needs Debian's package python3-grpcio, which is missing",
  );
}

let made: TestStore;
let address = "";

beforeAll(async () => {
  made = await makeEmbedded();
  await store.open(made.options);
  await migrate();
  address = (await openRpcNode()).address;
  await keep(chain, 0, 51);
}, 60_000);

afterAll(async () => {
  await closeRpcNode();
  await store.close();
  await made.remove();
});

describe("buf curl", () => {
  test("finds the contract by reflection and calls with it", async () => {
    const told = await curl("sorcha.peer.sync.RegisterSync/GetRegisterSyncStatus", {
      registerId: "r1",
    });
    expect(JSON.parse(told.out)).toMatchObject({
      registerId: "r1",
      syncState: "SYNC_STATE_FULLY_REPLICATED",
      totalDockets: "52",
    });
  });

  test("reads streams, well-known types and maps", async () => {
    const run = { registerId: "r1", fromDocketNumber: "48", toDocketNumber: "50" };
    const entries = (await curl("sorcha.peer.DocketSyncService/SyncDockets", run)).out
      .split(/\n(?=\{)/)
      .map((text) => JSON.parse(text) as { docketNumber: string; sealedAt: string });
    expect(entries.map((entry) => entry.docketNumber)).toEqual(["49", "50"]);
    expect(Date.parse(entries[0]?.sealedAt ?? "")).toBeGreaterThan(0);
    const services = await runBuf(["--list-services"]);
    expect(services.out.trim().split("\n").sort()).toEqual(serviceNames());
  });

  test("gets coded refusals", async () => {
    const told = await curl("sorcha.peer.replication.v1.Replication/PullRange", {
      registerId: "unknown",
    });
    expect(told.code).not.toBe(0);
    expect(told.err).toContain("not_found");
  });

  test("finds what is not built unimplemented", async () => {
    for (const path of [
      "sorcha.peer.communication.PeerCommunication/SendMessage",
      "sorcha.peer.transaction.TransactionDistribution/NotifyTransaction",
    ]) {
      expect((await curl(path, {})).err).toContain("unimplemented");
    }
  });
});

describe("a Node client", () => {
  test("pulls a register, leaves streams early and goes on", async () => {
    const told = await run(["node", "tests/interop/node-client.mjs", address, "proto", "r1"]);
    expect(told.err).toBe("");
    expect(JSON.parse(told.out)).toMatchObject({
      totalDockets: 52,
      unknown: ["NOT_FOUND", "NOT_SUBSCRIBED"],
      whole,
      isSameAgain: true,
    });
  });
});

describe.skipIf(!hasPython)("a Python client", () => {
  test("pulls a register, leaves streams early, sends 12 MiB and converses", async () => {
    const told = await run([python, "tests/interop/python_client.py", address, "r1"]);
    expect(told.err).toBe("");
    const seen = JSON.parse(told.out);
    expect(seen).toMatchObject({
      totalDockets: 52,
      unknown: ["NOT_FOUND", "NOT_SUBSCRIBED"],
      whole,
      isSameAgain: true,
      hello: "served",
      services: serviceNames(),
    });
    expect(seen.whole.longestFrame).toBeGreaterThan(12 * 1024 * 1024);
  });
});

/** Every service of the contract, as the .proto files name them. */
function serviceNames(): string[] {
  return protoFiles.flatMap(({ root }) => servicesOf(root)).sort();
}

function servicesOf(space: protobuf.NamespaceBase): string[] {
  return space.nestedArray.flatMap((item) => {
    if (item instanceof protobuf.Service) return [item.fullName.slice(1)];
    return item instanceof protobuf.Namespace ? servicesOf(item) : [];
  });
}

function curl(path: string, request: object) {
  return runBuf(["--data", JSON.stringify(request)], path);
}

function runBuf(args: string[], path = "") {
  const buf = "node_modules/.bin/buf";
  const plain = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  return run([buf, ...plain, ...args, `http://${address}/${path}`]);
}

async function run(command: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn(command, { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}
