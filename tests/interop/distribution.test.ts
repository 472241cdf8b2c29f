/** A program that shares no code with this one asks a real node about transactions. */
import { describe, expect, test } from "bun:test";
import { Cluster, sha256 } from "../support/node.ts";

const python = "/usr/bin/python3";
const script = `${import.meta.dir}/python_distribution.py`;
const hasPython = Bun.spawnSync([python, "-c", "import grpc"]).exitCode === 0;

describe.skipIf(!hasPython)("A Python client that knows the .NET fields only", () => {
  const cluster = new Cluster("embedded");

  test("is told, given and streamed transactions, and sends messages", async () => {
    const node = await cluster.start("node");
    const words = ["register", "create", "--name", "told", "--output", "json"];
    const { registerId } = JSON.parse(await node.ok(words)) as { registerId: string };
    const record = JSON.stringify("ü".repeat(100_000));
    const sent = await node.ok(["tx", "submit", registerId, "-", "--wait", "--output", "json"], {
      input: record,
    });
    const { transactionId } = JSON.parse(sent) as { transactionId: string };
    const { transaction } = await node.get<{ transaction: string }>(
      `/api/registers/${registerId}/transactions/${transactionId}`,
    );
    const told = Bun.spawnSync([python, script, node.grpcAddress, registerId, transactionId]);
    expect(told.stderr.toString()).toBe("");
    const chunkCount = Math.ceil(Buffer.byteLength(transaction) / (64 * 1024));
    expect(JSON.parse(told.stdout.toString())).toEqual({
      found: 1,
      sha256: sha256(transaction),
      isSameStreamed: true,
      chunks: Array.from({ length: chunkCount }, (_, index) => [index, chunkCount]),
      notified: [],
      missing: 0,
      unknownRegister: "NOT_FOUND",
      missingStreamed: "NOT_FOUND",
      noHash: "INVALID_ARGUMENT",
      received: 1,
      unread: "INVALID_ARGUMENT",
      everybody: "FAILED_PRECONDITION",
      said: 0,
    });
  }, 60_000);
});
