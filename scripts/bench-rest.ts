/**
 * REST: how long lists and details take at 1,000 peers that advertise 1,000 registers each, beside
 * plain Elysia that answers a constant in the same process. One request at a time, the endpoints in
 * turn, so that whatever else the machine does meets all of them alike.
 *
 *   bun run bench rest [--peers 1000] [--registers 1000] [--seconds 60] [--json]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "1000" },
    registers: { type: "string", default: "1000" },
    seconds: { type: "string", default: "60" },
    json: { type: "boolean", default: false },
  },
});

interface Row {
  path: string;
  count: number;
  bytes: number;
  p50Ms: number;
  p99Ms: number;
  /** Of its p50, over the plain constant's. */
  overPlain: number;
}

const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-bench-rest-"));
const script = new URL("bench-rest-node.ts", import.meta.url).pathname;
const words = [join(folder, "node"), values.peers, values.registers];
const child = Bun.spawn([process.execPath, "--no-orphans", script, ...words], {
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
});
try {
  const run = JSON.parse(await firstLine(child.stdout));
  const rows = await measure(run);
  if (values.json) console.log(JSON.stringify({ bench: "rest", ...values, rows }));
  else print(rows);
} finally {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

async function measure(run: {
  url: string;
  plainUrl: string;
  registerId: string;
  transactionId: string;
}): Promise<Row[]> {
  const register = `/api/registers/${run.registerId}`;
  const paths = [
    "/livez",
    "/api/peers?limit=50",
    "/api/peers",
    "/api/peers/peer-7",
    "/api/peers/stats",
    "/api/peers/health?limit=50",
    "/api/peers/quality?limit=50",
    "/api/peers/connected",
    "/api/registers?limit=50",
    "/api/registers",
    "/api/registers/available?limit=50",
    "/api/registers/available",
    "/api/registers/subscriptions",
    register,
    `${register}/dockets`,
    `${register}/dockets/0`,
    `${register}/transactions/${run.transactionId}`,
    "/api/topology",
  ];
  const asked = [
    { name: "plain Elysia, a constant", url: run.plainUrl },
    ...paths.map((path) => ({ name: nameOf(path, run), url: run.url + path })),
  ].map((one) => ({ ...one, ms: [] as number[], bytes: 0 }));
  const endMs = performance.now() + Number(values.seconds) * 1_000;
  for (let round = 0; performance.now() < endMs; round += 1) {
    // The constant before each of them: it meets what they leave behind as they do.
    for (const one of asked.slice(1).flatMap((each) => [asked[0], each])) {
      if (one === undefined) continue;
      const startMs = performance.now();
      const answer = await fetch(one.url);
      const { byteLength } = await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${one.url} answers ${answer.status}`);
      one.bytes = byteLength;
      // The first round runs code that nothing has run yet.
      if (round > 0) one.ms.push(performance.now() - startMs);
    }
  }
  const plainMs = quantile(asked[0]?.ms ?? [], 0.5);
  return asked.map(({ name, ms, bytes }) => ({
    path: name,
    count: ms.length,
    bytes,
    p50Ms: rounded(quantile(ms, 0.5)),
    p99Ms: rounded(quantile(ms, 0.99)),
    overPlain: rounded(quantile(ms, 0.5) / plainMs),
  }));
}

function nameOf(path: string, run: { registerId: string; transactionId: string }): string {
  return path.replace(run.registerId, "{id}").replace(run.transactionId, "{tx}");
}

function print(rows: readonly Row[]): void {
  console.log(`REST at ${values.peers} peers that advertise ${values.registers} registers each\n`);
  console.log(`${"".padEnd(44)}${"p50".padStart(10)}${"p99".padStart(10)}   plain ×     bytes`);
  for (const { path, p50Ms, p99Ms, overPlain, bytes } of rows) {
    const times = `${p50Ms.toFixed(2)}`.padStart(10) + `${p99Ms.toFixed(2)}`.padStart(10);
    const rest = `${overPlain.toFixed(1)}`.padStart(10) + `${bytes}`.padStart(10);
    console.log(path.padEnd(44) + times + rest);
  }
  console.log(`\nms; ${rows[1]?.count} requests each, one at a time, in turn`);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of stream) {
    text += decoder.decode(part, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("The node did not come up");
}
