/**
 * P5: one source at the end of a long road. A line adds the round trip; over it the register comes
 * by the node's own catch-up, verified, not stored. The ceiling is a bare TCP stream over the same
 * line; beside it the same without the delay.
 *
 *   bun run bench rtt [--rtt 100] [--records 60000] [--rounds 5] [--json]
 */
import { connect, createServer } from "node:net";
import * as workers from "../src/workers/pool.ts";
import { Line } from "./bench-line.ts";
import { end, get, importRecords, startNode } from "./bench-node.ts";
import { medianOf, readRegister, spreadOf } from "./bench-reader.ts";

const records = Number(argument("--records") ?? 60_000);
const rounds = Number(argument("--rounds") ?? 5);
const rttMs = Number(argument("--rtt") ?? 100);
const isJson = process.argv.includes("--json");
const megabytes: Record<"tcp" | "near" | "far", number[]> = { tcp: [], near: [], far: [] };
let lagMs = 0;

try {
  await bench();
  report();
} finally {
  end();
}
process.exit(0);

async function bench(): Promise<void> {
  const source = await startNode("source");
  const registerId = await importRecords(source, { records, recordBytes: 512 });
  const { height } = await get<{ height: number }>(source, `/api/registers/${registerId}`);
  workers.open({
    threadUrl: new URL("../src/workers/verify-thread.ts", import.meta.url),
    count: 2,
  });
  for (let round = 1; round <= rounds; round += 1) {
    if (!isJson) console.error(`round ${round} of ${rounds}`);
    for (const kind of ["near", "far"] as const) {
      const line = await Line.open(source.grpcAddress);
      line.delayMs = kind === "far" ? rttMs / 2 : 0;
      const addresses = [line.address];
      const reading = await readRegister(registerId, { addresses, headNumber: height - 1 });
      megabytes[kind].push(reading.bytes / 1e3 / reading.ms);
      if (kind === "far") {
        lagMs = Math.max(lagMs, reading.lagMs);
        megabytes.tcp.push(await bareStream(reading.bytes));
      }
      line.close();
    }
  }
  await workers.close();
}

/** So many bytes over the delayed line, in MB/s. */
async function bareStream(bytes: number): Promise<number> {
  const chunk = Buffer.alloc(256 * 1024);
  const server = createServer(async (socket) => {
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    }
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const line = await Line.open(`127.0.0.1:${port}`);
  line.delayMs = rttMs / 2;
  const startMs = performance.now();
  const [host, linePort] = line.address.split(":");
  const socket = connect(Number(linePort), host);
  let got = 0;
  await new Promise<void>((resolve) => {
    socket.on("data", (data: Buffer) => {
      got += data.length;
      if (got >= bytes) resolve();
    });
  });
  const ms = performance.now() - startMs;
  socket.destroy();
  line.close();
  server.close();
  return bytes / 1e3 / ms;
}

function report(): void {
  const median = {
    tcp: Math.round(medianOf(megabytes.tcp)),
    near: Math.round(medianOf(megabytes.near)),
    far: Math.round(medianOf(megabytes.far)),
  };
  const percent = Math.round((medianOf(megabytes.far) / medianOf(megabytes.tcp)) * 100);
  if (isJson) {
    console.log(JSON.stringify({ records, rounds, rttMs, megabytesPerSecond: median, percent }));
    return;
  }
  console.log(`\nP5: one source, ${rttMs} ms round trip, ${records} records, ${rounds} rounds\n`);
  const row = (what: string, kind: keyof typeof median) => {
    const rate = String(median[kind]).padStart(5);
    console.log(`${what.padEnd(46)} ${rate} MB/s  ± ${spreadOf(megabytes[kind])} %`);
  };
  row("bare TCP stream over the long line", "tcp");
  row("verified catch-up over the line, no delay", "near");
  row(`verified catch-up, ${rttMs} ms round trip`, "far");
  console.log(`\nP5 of the line  ${percent} %; event loop held up at most ${Math.round(lagMs)} ms`);
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
