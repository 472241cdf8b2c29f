/**
 * For `bench-rest.ts`: a whole node in a process of its own, whose book is filled with peers that
 * advertise registers, and beside it plain Elysia that answers a constant. Says where on stdout.
 *
 *   bun scripts/bench-rest-node.ts DATA-DIR PEERS REGISTERS
 */
import { Elysia } from "elysia";
import * as node from "../src/node.ts";
import { book } from "../src/peers/book.ts";
import { listRegisters } from "../src/registers/heads.ts";
import { loadConfig } from "../src/runtime/config.ts";
import * as origin from "../src/sealing/origin.ts";

const [dataDir = "", peers = "1000", registers = "1000"] = process.argv.slice(2);
const flags = {
  dataDir,
  nodeId: "bench",
  httpPort: 0,
  grpcPort: 0,
  logLevel: "error",
  outboundMax: 4,
  readsPerMinute: 10_000_000,
};
const { config } = loadConfig({ flags, environment: process.env });
const running = await node.open(config, {
  workerUrls: {
    verify: new URL("../src/workers/verify-thread.ts", import.meta.url),
    embedded: new URL("../src/store/embedded-thread.ts", import.meta.url),
  },
});
for (let index = 0; index < Number(registers); index += 1) {
  await origin.createRegister({ name: `register ${index}` });
}
const [first] = listRegisters();
if (first === undefined) throw new Error("There is no register");
const { registerId } = first;
const { transactionId } = await origin.submit({ registerId, dataText: '{"a":1}', wait: true });
fillBook();
const plain = new Elysia()
  .get("/", () => ({ answer: 42 }))
  .listen({ hostname: "127.0.0.1", port: 0 });
const plainUrl = `http://127.0.0.1:${plain.server?.port}`;
console.log(JSON.stringify({ url: running.httpUrl, plainUrl, registerId, transactionId }));

/** As if each had been reached and had said what it holds: all of the same registers. */
function fillBook(): void {
  const adverts = listRegisters().map((register) => ({
    registerId: register.registerId,
    syncState: "FullyReplicated" as const,
    latestVersion: register.latestVersion,
    latestDocketVersion: register.headNumber,
    docketCount: register.headNumber + 1,
    hasFullReplica: true,
    isPublic: true,
    genesisHash: register.genesisHash,
    name: register.name,
    description: register.description,
  }));
  for (let index = 0; index < Number(peers); index += 1) {
    const peerId = `peer-${index}`;
    const record = {
      peerId,
      host: `203.${index % 250}.${Math.floor(index / 250)}.7`,
      port: 5001,
      protocols: [],
      adverts,
      publicKey: null,
      seq: 1,
      signature: null,
      lastSeenMs: Date.now(),
    };
    const learned = book().learn(record, "itself");
    if (learned.kind === "refused") throw new Error(`${peerId} is refused: ${learned.code}`);
    book().reportSuccess(peerId, { latencyMs: index % 200 });
  }
}
