import { expect, test } from "bun:test";
import { ContractWalk, goodBodies } from "../rest/contract-walk.ts";
import { onEachStore } from "../support/node.ts";

/** The same walk as in front of a node in memory, at a real one with a real peer. */
onEachStore("the contract", (cluster) => {
  test("is kept by a real node, whatever comes", async () => {
    const other = await cluster.start("other");
    const file = await cluster.write("records.ndjson", '{"a":1}\n');
    const theirs = await other.import(file, "theirs");
    const node = await cluster.start("walked", { seeds: [other] });
    const own = await node.import(file, "own");
    await node.hears(theirs.registerId);
    const { docket, transactions } = await other.get<{ docket: string; transactions: string[] }>(
      `/api/registers/${theirs.registerId}/dockets/0`,
    );
    const grouped = await node.import(file, "grouped");
    const threshold = `/api/registers/${grouped.registerId}/threshold`;
    const first = `/api/registers/${own.registerId}/dockets/1`;
    const { transactions: sealed } = await node.get<{ transactions: string[] }>(first);
    const { transactionId } = JSON.parse(sealed[0] ?? "{}") as { transactionId: string };
    const token = async (flags: string[]) =>
      (await node.ok(["token", "-q", ...flags])).trim().split("\n").at(-1) ?? "";
    const subscribe = `/api/registers/${theirs.registerId}/subscribe`;
    const bodies: Record<string, unknown> = {
      ...goodBodies,
      // The peer is banned on the way: without the pin nobody would know of the register.
      subscribe: { mode: "full-replica", genesisHash: theirs.genesisHash },
      addPeer: { address: other.grpcAddress },
      handInDocket: { docket, transactions },
    };
    const walk = await ContractWalk.open({
      url: node.httpUrl,
      service: await token(["--service"]),
      user: await token([]),
      mintToken: () => token(["--service"]),
      values: {
        docketNumber: "0",
        peerId: "other",
        importId: "i",
        registerId: own.registerId,
        transactionId,
      },
      bodies,
      paths: {
        handInDocket: `/api/registers/${theirs.registerId}/dockets`,
        initThreshold: threshold,
        reshareThreshold: `${threshold}/reshare`,
        subscribe,
        unsubscribe: subscribe,
        purgeCache: subscribe.replace(/subscribe$/, "cache"),
        pauseRegister: subscribe.replace(/subscribe$/, "pause"),
        resumeRegister: subscribe.replace(/subscribe$/, "resume"),
      },
    });
    // The audit, or the making of the key, of the call before may still run.
    const early = ["repair 409", "reshareThreshold 409", "retryQueued 404", "dropQueued 404"];
    const refused = await walk.good();
    expect(refused.filter((one) => !early.includes(one))).toEqual([]);
    // With a pin any name of a register can be waited for.
    bodies.subscribe = goodBodies.subscribe;
    await walk.unauthorised();
    await walk.malformed();
    expect(await node.stop()).toBe(0);
  });
});
