import { describe, expect, test } from "bun:test";
import { anchorAfter } from "../../src/dockets/join.ts";
import type { SubscriptionJson } from "../../src/rest/schemas.ts";
import { badDocket, type FaultName } from "../support/faults.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { startSource, type TestSource } from "../support/sources.ts";
import { TestChain } from "../support/test-chain.ts";

/**
 * One node meets one source after another, each wrong in its own way and alone at first. Whatever
 * of it is stored must be what the register's validator sealed; the code must be in the log and in
 * the subscription. Then an honest source appears, and the node must come by the whole register
 * from it without anybody's help, with the right peer blamed, or nobody.
 */
const cluster = new Cluster("embedded", { keep: true });
/** Behind so many, ranges are asked for. */
const many = 700;
const transactions = 3;

/** Lies that only the source can have made. */
const lies: [FaultName, readonly string[]][] = [
  ["flip-body-bit", ["payload-hash"]],
  ["flip-docket-bit", ["merkle"]],
  ["foreign-docket", ["register"]],
  ["wrong-docket-key", ["seal"]],
  ["invent-docket", ["seal"]],
  ["drop-docket", ["number"]],
  ["reorder-dockets", ["number"]],
  ["repeat-docket", ["number"]],
  ["replay-frame", ["number"]],
  ["truncate-frame", ["schema"]],
  ["stream-forever", ["number"]],
  ["more-than-asked", ["number"]],
];

/**
 * Spoiled in a way that others may be behind: the source is blamed once another one serves
 * better.
 */
const suspicions: [FaultName, readonly string[]][] = [
  ["wrong-transaction-key", ["tx-signature"]],
  ["other-genesis", ["genesis"]],
  ["validators-break-link", ["link"]],
];

/** Nobody is blamed for these. */
const troubles: [FaultName, readonly string[]][] = [
  ["drop-body", ["count"]],
  ["repeat-body", ["count"]],
  ["validators-ahead-of-time", ["time"]],
  ["invent-height", ["timeout", "no-progress"]],
  ["stream-empties", ["timeout", "no-progress"]],
  ["stop-halfway", ["ended-early"]],
  ["empty-stream", ["ended-early"]],
  ["hang-halfway", ["timeout"]],
  ["one-byte-a-second", ["timeout"]],
  ["not-yet", ["not-yet"]],
  ["pruned", ["pruned"]],
  ["not-subscribed", ["not-subscribed"]],
  ["forbidden", ["forbidden"]],
  ["busy", ["busy"]],
];

describe("A source that", () => {
  for (const [fault, codes] of lies) {
    test(`lies by "${fault}" is blamed at once`, async () => {
      const met = await meet(fault, codes);
      expect(blamedBy(met.node)).toContain(met.liar.nodeId);
      await expectRecovery(met);
      expect(blamedBy(met.node)).not.toContain(met.honest?.nodeId);
    });
  }

  for (const [fault, codes] of suspicions) {
    test(`may lie by "${fault}" is blamed when another one serves the truth`, async () => {
      const met = await meet(fault, codes);
      expect(blamedBy(met.node)).not.toContain(met.liar.nodeId);
      await expectRecovery(met);
      expect(blamedBy(met.node)).toContain(met.liar.nodeId);
      expect(blamedBy(met.node)).not.toContain(met.honest?.nodeId);
    });
  }

  for (const [fault, codes] of troubles) {
    test(`gives trouble by "${fault}" is left, and blamed for nothing`, async () => {
      const met = await meet(fault, codes);
      await expectRecovery(met);
      expect(blamedBy(met.node)).not.toContain(met.liar.nodeId);
      expect(blamedBy(met.node)).not.toContain(met.honest?.nodeId);
    });
  }
});

function docketsFor(fault: FaultName): number {
  return fault === "more-than-asked" ? many : 60;
}

interface Meeting {
  node: TestNode;
  registerId: string;
  dockets: number;
  liar: TestSource;
  honest?: TestSource;
}

let target: TestNode | null = null;

async function theNode(): Promise<TestNode> {
  const environment = { PEER_PULL_TIMEOUT_MS: "1000", PEER_LOG_LEVEL: "debug" };
  target ??= await cluster.start("target", { environment });
  return target;
}

/** The node subscribes to a register that the faulty source alone has, and says what is wrong. */
async function meet(fault: FaultName, codes: readonly string[]): Promise<Meeting> {
  const registerId = `r-${fault}`;
  const dockets = docketsFor(fault);
  const node = await theNode();
  const liar = await startSource({
    nodeId: `liar-${fault}`,
    fault,
    registerId,
    dockets,
    transactions,
    dial: node.grpcAddress,
  });
  await node.hears(registerId);
  const { genesisHash } = genesisOf(registerId);
  await node.ok([
    "registers",
    "subscribe",
    registerId,
    "--mode",
    "full-replica",
    "--genesis-hash",
    genesisHash,
  ]);
  await until(
    async () => codes.includes((await subscription(node, registerId)).errorCode ?? ""),
    `${fault} to be found out; log: ${node.logFile}`,
  );
  const logged = node.log().filter((line) => line.peerId === liar.nodeId);
  expect(logged.some((line) => codes.includes(line.code as string))).toBe(true);
  const held = (await node.register(registerId))?.headDocketNumber ?? -1;
  if (fault !== "invent-height") expect(held).toBeLessThan(dockets);
  await expectTruth({ node, registerId, dockets });
  return { node, registerId, dockets, liar };
}

/** An honest source appears, and the register comes whole. */
async function expectRecovery(met: Meeting): Promise<void> {
  const { node, registerId, dockets } = met;
  met.honest = await startSource({
    nodeId: `honest-${registerId}`,
    fault: "honest",
    registerId,
    dockets,
    transactions,
    dial: node.grpcAddress,
  });
  await node.holds(registerId, dockets);
  await expectTruth(met);
  await met.liar.kill();
  await met.honest.kill();
}

/** Every docket held is the one that the validator sealed. */
async function expectTruth(met: Pick<Meeting, "node" | "registerId" | "dockets">): Promise<void> {
  const { node, registerId, dockets } = met;
  const held = await node.register(registerId);
  if (held === null) return;
  const chain = new TestChain(registerId).sealMany(dockets, transactions);
  const head = held.headDocketNumber;
  expect(held.headDocketHash).toBe(anchorAfter(chain.check(head, head)).previousHash);
  expect(held.height).toBe(head + 1);
}

function genesisOf(registerId: string): { genesisHash: string } {
  return { genesisHash: anchorAfter(new TestChain(registerId).check(0, 0)).previousHash };
}

async function subscription(node: TestNode, registerId: string): Promise<SubscriptionJson> {
  const all = await node.get<SubscriptionJson[]>("/api/registers/subscriptions");
  return all.find((one) => one.registerId === registerId) as SubscriptionJson;
}

function blamedBy(node: TestNode): string[] {
  const lines = node.log().filter((line) => line.msg === "A source is blamed for a lie");
  return lines.map((line) => line.peerId as string);
}

// The docket that is spoiled lies behind the first frame, so that some truth can be stored.
expect(badDocket).toBeGreaterThan(10);
