/**
 * Hypercore, process to process, for `bun run bench beside`: run by Node (its storage does not load
 * in Bun) from the folder where the benchmark installed it.
 *
 *   node bench-hypercore.mjs source FOLDER RECORDS BYTES A-BATCH   prints {"port","key"}, then serves
 *   node bench-hypercore.mjs target FOLDER PORT KEY                prints {"records","ms"}
 */
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const [role, folder, ...rest] = process.argv.slice(2);
const Hypercore = createRequire(join(folder, "package.json"))("hypercore");
const place = join(folder, `${role}-${randomBytes(6).toString("hex")}`);

if (role === "source") await serve(...rest.map(Number));
else await bring(Number(rest[0]), rest[1]);

async function serve(records, bytes, batch) {
  const core = new Hypercore(place);
  await core.ready();
  const filler = "0123456789abcdef".repeat(Math.ceil(bytes / 16));
  for (let first = 1; first <= records; first += batch) {
    const count = Math.min(batch, records - first + 1);
    await core.append(
      Array.from({ length: count }, (_, index) => {
        const head = `{"n":${first + index},"text":"`;
        return Buffer.from(`${head}${filler.slice(0, bytes - head.length - 2)}"}`);
      }),
    );
  }
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const stream = core.replicate(false);
    stream.on("error", () => {});
    socket.pipe(stream).pipe(socket);
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ port: server.address().port, key: core.key.toString("hex") }));
  });
}

/** From the first connection to the last block, verified against the signed tree and stored. */
async function bring(port, key) {
  const core = new Hypercore(place, Buffer.from(key, "hex"));
  await core.ready();
  const startMs = performance.now();
  const socket = connect(port, "127.0.0.1");
  const stream = core.replicate(true);
  stream.on("error", () => {});
  socket.on("error", () => {});
  socket.pipe(stream).pipe(socket);
  await core.update({ wait: true });
  const records = core.length;
  await core.download({ start: 0, end: records }).done();
  if (!(await core.has(0, records))) throw new Error("Blocks are missing");
  const ms = performance.now() - startMs;
  await core.close();
  console.log(JSON.stringify({ records, ms }));
  process.exit(0);
}
