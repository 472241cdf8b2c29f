/**
 * How fast the store takes pages: `appendPage` with pages of about 1 MiB, 100 transactions of 512
 * bytes a docket, on the embedded database and on PostgreSQL, beside a plain COPY of the same rows.
 * The pages are true in form only: sealing them would measure the sealer.
 *
 *   bun scripts/bench-store.ts [--mib 128] [--store embedded|postgres]
 *
 * PostgreSQL is the one of BENCH_DATABASE_URL, else 127.0.0.1:5432; a schema of its own is made
 * there and dropped.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBundle, encodePage, scanPage } from "../src/dockets/bundle.ts";
import type { Anchor, CheckedPage, Policy, VerifiedPage } from "../src/dockets/types.ts";
import { appendPage } from "../src/registers/append.ts";
import * as feed from "../src/registers/feed.ts";
import * as heads from "../src/registers/heads.ts";
import type { StoreOptions } from "../src/store/database.ts";
import { migrate } from "../src/store/migrate.ts";
import * as store from "../src/store/sql.ts";
import { copyPages } from "./bench-copy.ts";

const transactionBytes = 512;
const transactionsADocket = 100;
const docketsAPage = 18;

const mib = Number(argument("--mib") ?? 128);
const only = argument("--store");
const pages = makePages(Math.ceil((mib * 2 ** 20) / makePages(1)[0]!.page.bytes.length));
const total = {
  pages: pages.length,
  dockets: pages.length * docketsAPage,
  transactions: pages.length * docketsAPage * transactionsADocket,
  bytes: pages.reduce((sum, { page }) => sum + page.bytes.length, 0),
};
console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Bun ${Bun.version}`);
console.log(
  `${total.pages} pages, ${total.dockets} dockets, ${total.transactions} transactions, ` +
    `${(total.bytes / 2 ** 20).toFixed(0)} MiB`,
);
if (only !== "postgres") await onEmbedded();
if (only !== "embedded") await onPostgres();
process.exit(0);

async function onEmbedded(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "sorcha-peer-bench-"));
  const embeddedThreadUrl = new URL("../src/store/embedded-thread.ts", import.meta.url);
  await measure("embedded", { schema: "peer", poolSize: 1, dataDir, embeddedThreadUrl });
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
}

async function onPostgres(): Promise<void> {
  const connection =
    process.env.BENCH_DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
  const schema = `bench_${process.pid}`;
  const options = { connection, schema, poolSize: 4, dataDir: tmpdir(), embeddedThreadUrl: null };
  await measure("postgres", options);
  await measureCopy();
  await store.sql()`DROP SCHEMA ${store.sql()(schema)} CASCADE`;
  await store.close();
}

async function measure(name: string, options: StoreOptions): Promise<void> {
  const opening = performance.now();
  await store.open(options);
  await migrate();
  console.log(`${name}: opened in ${(performance.now() - opening).toFixed(0)} ms`);
  await heads.open();
  feed.open();
  const times: number[] = [];
  const start = performance.now();
  for (const page of pages) {
    const from = performance.now();
    const head = await appendPage(page, { sourcePeerId: "bench" });
    if (head === "moved") throw new Error("The bench's page was refused");
    times.push(performance.now() - from);
  }
  report(`${name} appendPage`, performance.now() - start);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)]?.toFixed(1);
  console.log(
    `  a page: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${times.at(-1)?.toFixed(1)} ms`,
  );
  feed.close();
  heads.close();
}

/** The ceiling: the same bytes by COPY into tables without keys or checks, one commit a page. */
async function measureCopy(): Promise<void> {
  const start = performance.now();
  await copyPages(
    store.sql(),
    pages.map(({ page }) => page),
  );
  report("postgres plain COPY", performance.now() - start);
}

function report(what: string, ms: number): void {
  const perSecond = (count: number) => Math.round((count * 1_000) / ms).toLocaleString("en");
  console.log(
    `${what}: ${(total.bytes / 2 ** 20 / (ms / 1_000)).toFixed(1)} MiB/s, ` +
      `${perSecond(total.transactions)} transactions/s, ${perSecond(total.dockets)} dockets/s`,
  );
}

/** Linked and numbered, of random bytes, with the offsets that a verifier would have found. */
function makePages(count: number): VerifiedPage[] {
  const registerId = "be".repeat(16);
  const policy = {
    version: 1,
    validators: [],
    threshold: 1,
    isPublic: true,
    name: "bench",
    description: "",
  };
  const made: VerifiedPage[] = [];
  let anchor: Anchor = {
    registerId,
    nextNumber: 0,
    previousHash: "",
    previousTimeMs: 0,
    policy: null,
  };
  for (let index = 0; index < count; index++) {
    const page = makePage(anchor, policy);
    const last = page.dockets.at(-1) as CheckedPage["dockets"][number];
    const next = {
      registerId,
      nextNumber: last.number + 1,
      previousHash: last.hash,
      previousTimeMs: last.timeMs,
      policy,
    };
    made.push({ anchor, page, next } as unknown as VerifiedPage);
    anchor = next;
  }
  return made;
}

function makePage(anchor: Anchor, policy: Policy): CheckedPage {
  const count = docketsAPage * transactionsADocket;
  const bodies = Array.from({ length: count }, () =>
    crypto.getRandomValues(new Uint8Array(transactionBytes)),
  );
  const docketData = crypto.getRandomValues(new Uint8Array(transactionsADocket * 200));
  const bundles = Array.from({ length: docketsAPage }, (_, index) =>
    encodeBundle({
      docketData,
      transactionData: bodies.slice(index * transactionsADocket, (index + 1) * transactionsADocket),
    }),
  );
  const bytes = encodePage({ bundles, headNumber: 0, firstVersion: 0 });
  const scanned = scanPage(bytes);
  if (!scanned.ok) throw new Error(scanned.refusal.message);
  const found = scanned.value.bundles;
  let previousHash = anchor.previousHash;
  const dockets = found.map(({ offset, length }, index) => {
    const number = anchor.nextNumber + index;
    const hash = createHash("sha256").update(`${number}`).digest("hex");
    const docket = {
      number,
      hash,
      previousHash,
      timeMs: number,
      offset,
      length,
      transactionCount: transactionsADocket,
      isControl: number === 0,
      isSealed: true,
    };
    previousHash = hash;
    return docket;
  });
  const place = (index: number) => found[Math.floor(index / transactionsADocket)]!;
  return {
    registerId: anchor.registerId,
    bytes,
    dockets,
    policyBefore: anchor.policy,
    policyAfter: policy,
    headNumber: 0,
    firstVersion: 0,
    transactions: {
      count,
      keys: crypto.getRandomValues(new Uint8Array(count * 16)),
      docketNumbers: Float64Array.from(
        { length: count },
        (_, i) => anchor.nextNumber + Math.floor(i / transactionsADocket),
      ),
      positions: Int32Array.from({ length: count }, (_, i) => i % transactionsADocket),
      offsets: Int32Array.from(
        { length: count },
        (_, i) => place(i).transactionOffsets[i % transactionsADocket]!,
      ),
      lengths: Int32Array.from(
        { length: count },
        (_, i) => place(i).transactionLengths[i % transactionsADocket]!,
      ),
    },
  };
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}
