import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { endpoints } from "../../src/rest/contract.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { ContractWalk, goodBodies } from "./contract-walk.ts";
import { newPeerView as peerOf } from "./memory-peer-desk.ts";
import { Rest } from "./rest-of.ts";

let api: Rest;
let walk: ContractWalk;

beforeAll(async () => {
  api = await Rest.open({ protection: { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 } });
  const { registerId } = await api.node.createRegister({ name: "r" });
  const { transactionId } = await api.node.submit({ registerId, dataText: "1" });
  api.node.peers = [peerOf("p1", { isConnected: true, lastSeenMs: systemClock.nowMs() })];
  api.node.available = [availableOf(registerId)];
  const other = await api.node.createRegister({ name: "other" });
  const path = `/api/registers/${other.registerId}/dockets`;
  const handInDocket = (await api.get(`${path}/0`)).body;
  api.node.registers.delete(other.registerId);
  walk = await ContractWalk.open({
    url: api.url,
    service: await api.mint(),
    user: await api.mint({ isService: false }),
    mintToken: () => api.mint(),
    values: { docketNumber: "0", peerId: "p1", importId: "i", registerId, transactionId },
    bodies: { ...goodBodies, handInDocket },
    paths: { handInDocket: path },
  });
});
afterAll(() => rest.close());

describe("the OpenAPI document", () => {
  test("lists every endpoint of the contract, and no more", () => {
    const names = walk.listed.map(({ operation }) => operation.operationId);
    expect(names.toSorted()).toEqual(Object.keys(endpoints).toSorted());
  });

  test("every operation answers good input as it says, and never with 5xx", async () => {
    expect(await walk.good()).toEqual([]);
  });

  test("every operation without a token, or with one that does not do, says so", () =>
    walk.unauthorised());

  test("malformed parameters and bodies are refused in the words of the contract", () =>
    walk.malformed());
});

function availableOf(registerId: string) {
  return {
    registerId,
    name: null,
    description: null,
    peerCount: 1,
    latestVersion: 1,
    latestDocketVersion: 0,
    isPublic: true,
    fullReplicaPeerCount: 1,
    genesisHash: null,
  };
}
