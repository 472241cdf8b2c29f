/**
 * The compiled binary as a stranger would meet it: alone in an empty folder, with nothing of this
 * checkout beside it. What it cannot find there, it cannot find anywhere.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-smoke-"));
const binary = join(folder, "sorcha-peer");
const records = '{"n":12345678901234567890,"b":1,"a":"\\u00e9 é"}\n[1,2,  3]\n"three"\n"three"\n';
const startMs = 30_000;
const stopMs = 10_000;

interface Node {
  process: Bun.Subprocess<"ignore", number, number>;
  dataDir: string;
  url: string;
  grpcAddress: string;
}

const nodes: Node[] = [];
try {
  await smoke();
  console.log("smoke: the binary serves, imports, replicates, exports and stops");
} catch (thrown) {
  console.error(`smoke: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  for (const node of nodes) console.error(readFileSync(join(node.dataDir, "log"), "utf8"));
  process.exitCode = 1;
} finally {
  for (const node of nodes) node.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

async function smoke(): Promise<void> {
  copyFileSync(join(root, "dist/sorcha-peer"), binary);
  writeFileSync(join(folder, "records.ndjson"), records);
  const version = run(["--version"]).trim();
  check(version.length > 0, "--version says nothing");
  const source = await start("a", []);
  const origin = ["--url", source.url, "--data-dir", source.dataDir];
  const created = lastJson(
    run(["import", "records.ndjson", "--name", "smoke", ...origin, "--output", "json"]),
  );
  check(created.transactions === 5, `import reports ${JSON.stringify(created)}`);
  const registerId = String(created.registerId);
  const target = await start("b", ["--seed", source.grpcAddress]);
  const replica = ["--url", target.url, "--data-dir", target.dataDir];
  await until("b hears of the register", async () => {
    const available = await fetch(`${target.url}/api/registers/available`);
    return (await available.text()).includes(registerId);
  });
  run(["registers", "subscribe", registerId, "--mode", "full-replica", "--wait", ...replica]);
  await checkDashboard(target.url);
  check(run(["export", registerId, ...replica]) === records, "the export differs from the import");
  run(["verify", registerId, ...replica]);
  for (const node of nodes) await stop(node);
}

/** The page and what it asks for come from inside the binary. */
async function checkDashboard(url: string): Promise<void> {
  const page = await fetch(url, { headers: { accept: "text/html" } });
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
  check(files.length === 2, `the dashboard asks for ${files.length} files`);
  for (const path of files) {
    const file = await fetch(new URL(path as string, url));
    const text = await file.text();
    check(file.ok && text.length > 10_000, `${path} answers ${file.status}`);
    for (const [, later] of text.matchAll(/import\("\.\/(chunk-\w+\.js)"\)/g)) {
      const lazy = await fetch(new URL(later as string, url));
      check(lazy.ok, `${later} answers ${lazy.status}`);
    }
  }
}

async function start(name: string, options: string[]): Promise<Node> {
  const dataDir = join(folder, name);
  const ports = ["--http-port", "0", "--grpc-port", "0"];
  mkdirSync(dataDir, { mode: 0o700 });
  const log = openSync(join(dataDir, "log"), "a");
  const process = Bun.spawn(
    [binary, "serve", "--data-dir", dataDir, "--node-id", name, ...ports, ...options],
    { cwd: folder, stdin: "ignore", stdout: log, stderr: log },
  );
  const node: Node = { process, dataDir, url: "", grpcAddress: "" };
  nodes.push(node);
  await until(`${name} serves`, async () => {
    check(process.exitCode === null, `${name} ended with ${process.exitCode}`);
    if (!existsSync(join(dataDir, "run.json"))) return false;
    const text = readFileSync(join(dataDir, "run.json"), "utf8");
    if (!text.endsWith("\n")) return false;
    const facts = JSON.parse(text);
    node.url = facts.httpUrl;
    node.grpcAddress = facts.grpcAddress;
    return (await fetch(`${node.url}/readyz`)).ok;
  });
  return node;
}

async function stop(node: Node): Promise<void> {
  node.process.kill("SIGTERM");
  const code = await Promise.race([node.process.exited, Bun.sleep(stopMs)]);
  check(code === 0, `after SIGTERM: ${code === undefined ? "still there" : `exit code ${code}`}`);
}

function run(command: string[]): string {
  const result = Bun.spawnSync([binary, ...command], { cwd: folder, timeout: startMs });
  if (result.success) return result.stdout.toString();
  throw new Error(`${command.join(" ")} ended with ${result.exitCode}: ${result.stderr}`);
}

function lastJson(output: string): Record<string, unknown> {
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < startMs; waitedMs += 50) {
    if (await isSo().catch((thrown) => reachedNothing(thrown))) return;
    await Bun.sleep(50);
  }
  throw new Error(`Waited ${startMs / 1000} s in vain: ${what}`);
}

/** False for a port that nobody listens on yet; everything else goes on. */
function reachedNothing(thrown: unknown): false {
  if ((thrown as { code?: string }).code === "ConnectionRefused") return false;
  throw thrown;
}

function check(isGood: boolean, complaint: string): void {
  if (!isGood) throw new Error(complaint);
}
