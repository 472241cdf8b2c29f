import { expect, test } from "bun:test";
import { openChannel } from "../../src/wire/client.ts";
import { replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { errorOf } from "../support/error-of.ts";
import { onEachStore, type TestNode, until } from "../support/node.ts";
import { unevenRecords } from "../support/records.ts";

onEachStore("A paused register", (cluster) => {
  test("stands still at once and over restarts, and goes on where it stopped", async () => {
    const file = await cluster.write("paused.ndjson", unevenRecords(300, 4));
    const a = await cluster.start("a");
    const { registerId } = await a.import(file, "paused");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    const channel = openChannel({ address: b.grpcAddress, nodeId: "reader" });
    const head = (await b.register(registerId))?.headDocketNumber ?? -1;
    const asked = { registerId, nextDocket: head + 1 };
    const open = channel.stream(replication.follow, asked);
    await open.next();

    await b.ok(["registers", "pause", registerId]);
    expect(refusalOf(await errorOf(open.next()))?.name).toBe("BUSY");
    const again = channel.stream(replication.pullRange, { registerId, nextDocket: 0 });
    expect(refusalOf(await errorOf(again.next()))?.name).toBe("BUSY");
    channel.close();
    await seal(a, registerId, "meanwhile");
    await hearsOfMore(b, registerId, head);
    await b.ok(["registers", "pause", registerId]);
    await b.stop();
    await b.start();
    await hearsOfMore(b, registerId, head);
    const still = await b.register(registerId);
    expect(still?.headDocketNumber).toBe(head);
    expect(still?.pausedAt).not.toBeNull();
    expect(still?.subscription).toMatchObject({ isReceiving: false, syncState: "FullyReplicated" });
    expect(await b.ok(["registers", "subscriptions"])).toContain("Paused");
    const waiting = await b.cli([
      ...["registers", "subscribe", registerId],
      ...["--mode", "full-replica", "--wait"],
    ]);
    expect(`${waiting.code} ${waiting.stderr}`).toMatch(/^[1-9].*paused/s);

    await b.ok(["registers", "resume", registerId]);
    await b.holds(registerId, head + 1);
    const moving = await b.register(registerId);
    expect(moving?.subscription).toMatchObject({ pausedAt: null, resumedFrom: head + 1 });
    const why = await b.ok(["registers", "why", registerId]);
    expect(why).toContain("paused");
    expect(why).toContain("go on");
    expect((await b.cli(["registers", "pause", "unknown"])).code).not.toBe(0);
  });

  async function seal(node: TestNode, registerId: string, text: string): Promise<void> {
    const more = await cluster.write("meanwhile.ndjson", `"${text}"\n`);
    await node.ok(["import", more, "--register", registerId]);
  }
});

/** Its peers told it of a docket that it does not have. */
async function hearsOfMore(node: TestNode, registerId: string, head: number): Promise<void> {
  await until(async () => {
    const [told] = await node.get<{ latestDocketVersion: number }[]>(
      `/api/registers/available?search=${registerId}`,
    );
    return (told?.latestDocketVersion ?? 0) > head;
  }, "word of a docket that is not here");
}
