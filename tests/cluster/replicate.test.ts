import { expect, test } from "bun:test";
import { onEachStore, sha256 } from "../support/node.ts";
import { awkwardLines, unevenRecords } from "../support/records.ts";

/**
 * Node a makes a register of a file, node b brings it here and follows it, node c knows only b.
 * What comes out at each is the file, byte for byte; what is appended at a arrives at both.
 */
onEachStore("A register of real records", (cluster) => {
  test("comes out of every replica as it went in, and live records arrive at all of them", async () => {
    const input = `${awkwardLines.join("\n")}\n${unevenRecords(3_000, 1)}`;
    const file = await cluster.write("records.ndjson", input);
    const a = await cluster.start("a");
    const imported = await a.import(file, "records");
    const lineCount = input.split("\n").length - 1;
    expect(imported.transactions).toBe(1 + lineCount);
    expect(await a.ok(["export", imported.registerId])).toBe(input);

    const b = await cluster.start("b", { seeds: [a] });
    const { registerId } = imported;
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    expect(await b.exportHash(registerId)).toBe(sha256(input));

    const c = await cluster.start("c", { seeds: [b] });
    await c.hears(registerId);
    await c.subscribe(registerId, ["--wait"]);
    const live = await cluster.write("live.ndjson", awkwardLines.toReversed().join("\n"));
    await a.ok(["import", live, "--register", registerId]);
    const head = (await a.register(registerId))?.headDocketNumber ?? -1;
    for (const node of [b, c]) {
      await node.holds(registerId, head);
      const whole = `${input}${awkwardLines.toReversed().join("\n")}\n`;
      expect(await node.exportHash(registerId)).toBe(sha256(whole));
      await node.ok(["verify", registerId]);
    }
    await expectEqualCopies([a, b, c], { registerId, verification: "sealed" });
  });

  test("survives that every node is stopped and started again", async () => {
    const input = unevenRecords(500, 2);
    const file = await cluster.write("restart.ndjson", input);
    const a = await cluster.start("a");
    const { registerId } = await a.import(file, "restart");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    expect(await b.stop()).toBe(0);
    expect(await a.stop()).toBe(0);
    await a.start();
    await b.start();
    const more = await cluster.write("more.ndjson", '"after the restart"\n');
    await a.ok(["import", more, "--register", registerId]);
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    expect(await b.exportHash(registerId)).toBe(sha256(`${input}"after the restart"\n`));
  });

  test("can be followed without its past", async () => {
    const file = await cluster.write("past.ndjson", unevenRecords(500, 3));
    const a = await cluster.start("a");
    const { registerId } = await a.import(file, "past");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.ok(["registers", "subscribe", registerId, "--mode", "forward-only", "--wait"]);
    const more = await cluster.write("news.ndjson", '{"news":1}\n{"news":2}\n');
    await a.ok(["import", more, "--register", registerId]);
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    const copy = await b.register(registerId);
    expect(copy?.subscription).toMatchObject({ mode: "ForwardOnly", syncState: "Active" });
    expect(copy?.firstDocketNumber).toBeGreaterThan(0);
  });

  test("is the same over the compatible calls alone", async () => {
    const input = unevenRecords(500, 4);
    const file = await cluster.write("compatible.ndjson", input);
    const environment = { PEER_REPLICATION_PROTOCOL: "off" };
    const a = await cluster.start("a", { environment });
    const { registerId } = await a.import(file, "compatible");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    const more = await cluster.write("compatible-more.ndjson", '"live"\n');
    await a.ok(["import", more, "--register", registerId]);
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    expect(await b.exportHash(registerId)).toBe(sha256(`${input}"live"\n`));
  });
});

async function expectEqualCopies(
  nodes: readonly { register(registerId: string): Promise<unknown> }[],
  expected: { registerId: string; verification: string },
): Promise<void> {
  const copies = await Promise.all(nodes.map((node) => node.register(expected.registerId)));
  const first = copies[0] as Record<string, unknown>;
  for (const copy of copies) {
    expect(copy).toMatchObject({
      verification: expected.verification,
      genesisHash: first.genesisHash,
      headDocketHash: first.headDocketHash,
      height: first.height,
      transactionCount: first.transactionCount,
    });
  }
}
