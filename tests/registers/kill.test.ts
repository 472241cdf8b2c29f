/**
 * A node's database under kill -9. A child process appends a register, three dockets a page, and
 * says each head that it was promised; it is killed at a moment that the dice choose, over and over
 * on one directory. After each kill the directory is opened here: everything promised is there, and
 * nothing but whole pages.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { seededDice } from "../../src/base/prng.ts";
import { encodeBundle } from "../../src/dockets/bundle.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as heads from "../../src/registers/heads.ts";
import { whichExist } from "../../src/registers/transactions-table.ts";
import type { StoreOptions } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";
import {
  makeEmbedded,
  makeEmptyEmbedded,
  storeKinds,
  type TestStore,
} from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

const registerId = "dead";
const docketCount = 240;
const pageDockets = 3;
const pages = docketCount / pageDockets;
const kills = 5;
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

const appending = `
  import { appendPage } from "./src/registers/append.ts";
  import * as feed from "./src/registers/feed.ts";
  import * as heads from "./src/registers/heads.ts";
  import { migrate } from "./src/store/migrate.ts";
  import * as store from "./src/store/sql.ts";
  import { TestChain } from "./tests/support/test-chain.ts";
  const options = JSON.parse(process.env.OPTIONS);
  await store.open({ ...options, embeddedThreadUrl: new URL(options.embeddedThreadUrl) });
  await migrate();
  await heads.open();
  feed.open();
  const chain = new TestChain("${registerId}").sealMany(${docketCount - 1}, 1);
  for (;;) {
    const next = heads.anchorOf("${registerId}")?.nextNumber ?? 0;
    if (next === ${docketCount}) break;
    const head = await appendPage(chain.page(next, next + ${pageDockets - 1}));
    console.log(head.number);
  }`;

const made: TestStore[] = [];
afterAll(async () => {
  for (const one of made) await one.remove();
});

test.if(storeKinds().includes("embedded"))(
  `the embedded database keeps what it promised through kill -9 (seed ${seed})`,
  async () => {
    const dice = seededDice(seed);
    const place = await makeEmbedded();
    made.push(place);
    const chain = new TestChain(registerId).sealMany(docketCount - 1, 1);
    let promised = -1;
    for (let kill = 0; kill < kills; kill++) {
      const run = await runAndKill(place.options, Math.floor((dice() * pages) / kills));
      promised = await checkStored(place.options, { chain, promised: run ?? promised });
    }
  },
  120_000,
);

test.if(storeKinds().includes("embedded"))(
  "a first start of the embedded database that was killed is made up for by the next",
  async () => {
    const place = makeEmptyEmbedded();
    made.push(place);
    const child = start(place.options);
    while (!existsSync(join(place.options.dataDir, "db.new", "PG_VERSION"))) await Bun.sleep(5);
    child.kill("SIGKILL");
    await child.exited;
    expect(readdirSync(place.options.dataDir)).toEqual(["db.new"]);
    await store.open(place.options);
    await migrate();
    await store.close();
    expect(readdirSync(place.options.dataDir)).toEqual(["db"]);
  },
  120_000,
);

function start(options: StoreOptions) {
  return Bun.spawn([process.execPath, "-e", appending], {
    cwd: new URL("../..", import.meta.url).pathname,
    env: { ...process.env, OPTIONS: JSON.stringify(options) },
    stderr: "inherit",
  });
}

/** The last head the child said; it is killed as soon as it said `afterHeads` and one more. */
async function runAndKill(options: StoreOptions, afterHeads: number): Promise<number | null> {
  const child = start(options);
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (text.split("\n").length > afterHeads) child.kill("SIGKILL");
  }
  await child.exited;
  // What stands behind the last line break may be cut off by the kill.
  const promised = text.split("\n").slice(0, -1).at(-1);
  return promised === undefined ? null : Number(promised);
}

/** The number of the newest docket that is stored. */
async function checkStored(
  options: StoreOptions,
  expected: { chain: TestChain; promised: number },
): Promise<number> {
  await store.open(options);
  await migrate();
  await heads.open();
  const head = heads.registerOf(registerId)?.headNumber ?? -1;
  expect(head).toBeGreaterThanOrEqual(expected.promised);
  expect((head + 1) % pageDockets).toBe(0);
  const stored = await readBundles(store.sql(), {
    registerId,
    next: 0,
    countMax: docketCount,
    bytesMax: 1e9,
  });
  const { bundles, transactionIds } = expected.chain;
  const wanted = bundles.slice(0, head + 1).map((bundle) => Buffer.from(encodeBundle(bundle)));
  expect(stored.map((one) => Buffer.from(one.bundle))).toEqual(wanted);
  const ids = transactionIds.flat();
  const held = await whichExist(store.sql(), { registerId, transactionIds: ids });
  expect(held.size).toBe(transactionIds.slice(0, head + 1).flat().length);
  const [row] = await store.sql()`
    SELECT (SELECT count(*) FROM dockets) AS dockets, (SELECT count(*) FROM transactions) AS rows`;
  expect(row).toEqual({ dockets: head + 1, rows: held.size });
  heads.close();
  await store.close();
  return head;
}
