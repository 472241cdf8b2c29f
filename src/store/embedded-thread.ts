/**
 * The thread of the embedded database: PGlite, and nothing of ours besides its messages. Owns the
 * one instance. Requests are answered one after the other in the order they came; each holds whole
 * protocol messages, so that nothing has to be put together here.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import fsBundle from "../../node_modules/@electric-sql/pglite/dist/pglite.data" with {
  type: "file",
};
import pgliteWasm from "../../node_modules/@electric-sql/pglite/dist/pglite.wasm" with {
  type: "file",
};
import emptyDatabase from "../../node_modules/@electric-sql/pglite-prepopulatedfs/dist/prepopulatedfs.tgz" with {
  type: "file",
};
import { EmbeddedCopy } from "./embedded-copy.ts";
import { addSync, durableStartParams, syncFolder, syncPath } from "./embedded-durability.ts";
import type { FromEmbedded, ToEmbedded } from "./embedded-messages.ts";

declare const self: {
  onmessage: ((event: MessageEvent<ToEmbedded>) => void) | null;
  postMessage(message: FromEmbedded, transfer?: ArrayBuffer[]): void;
};

let database: PGlite | null = null;
let connectionInUse = 0;
let turn: Promise<void> = Promise.resolve();
const copies = new EmbeddedCopy();

self.onmessage = ({ data }) => {
  turn = turn.then(() => answer(data)).catch(fail);
};

async function answer(message: ToEmbedded): Promise<void> {
  switch (message.kind) {
    case "open":
      database = await start(message);
      return self.postMessage({ kind: "opened" });
    case "request":
      return await ask(message.connection, message.bytes);
    case "hangup":
      return await release(message.connection);
    case "close":
      await database?.close();
      database = null;
      return self.postMessage({ kind: "closed" });
  }
}

async function start(options: { directory: string; schema: string }): Promise<PGlite> {
  const { directory } = options;
  const isNew = !existsSync(directory);
  // PGlite would make a database of its own there, or try to for a long time.
  if (!isNew && !existsSync(join(directory, "PG_VERSION"))) throw new Error("It holds no database");
  const assets = await loadAssets();
  if (isNew) await make(directory, assets);
  const pglite = await PGlite.create({ ...assets, dataDir: directory });
  addSync(pglite);
  await pglite.exec(`SET search_path TO "${options.schema}"`);
  return pglite;
}

/**
 * Under another name until it is whole: a first start that was interrupted is simply repeated. It
 * is unpacked: made by `initdb` here it took 1.1 GiB of memory instead of 0.5.
 */
async function make(directory: string, assets: Assets): Promise<void> {
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  const loadDataDir = new Blob([await readFile(emptyDatabase)], { type: "application/x-gzip" });
  await (await PGlite.create({ ...assets, loadDataDir, dataDir: draft })).close();
  // The files in it are anybody's to write: the folder is what keeps others out.
  chmodSync(draft, 0o700);
  await syncFolder(draft);
  renameSync(draft, directory);
  await syncPath(dirname(directory));
}

type Assets = Awaited<ReturnType<typeof loadAssets>>;

/** The program's own files: in a compiled binary PGlite would look for them in vain. */
async function loadAssets() {
  const [pgliteWasmModule, bundle] = await Promise.all([
    readFile(pgliteWasm).then((bytes) => WebAssembly.compile(new Uint8Array(bytes))),
    readFile(fsBundle),
  ]);
  return {
    pgliteWasmModule,
    fsBundle: new Blob([new Uint8Array(bundle)]),
    startParams: durableStartParams,
  };
}

async function ask(connection: number, bytes: Uint8Array): Promise<void> {
  connectionInUse = connection;
  const answer = await copies.ask(bytes, run);
  if (answer.length === 0) return;
  self.postMessage({ kind: "reply", connection, bytes: answer }, [answer.buffer]);
}

/** Whole protocol messages in, whole ones out. */
async function run(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  // A part is a view of the database's own memory: it is copied before the next one overwrites it.
  await opened().execProtocolRawStream(bytes, { onRawData: (part) => parts.push(part.slice()) });
  return parts.length === 1
    ? (parts[0] as Uint8Array<ArrayBuffer>)
    : new Uint8Array(Buffer.concat(parts));
}

async function release(connection: number): Promise<void> {
  copies.forget();
  if (connection !== connectionInUse || database === null) return;
  if (database.isInTransaction()) await database.exec("ROLLBACK");
  await database.exec("DEALLOCATE ALL");
}

function opened(): PGlite {
  if (database === null) throw new Error("The embedded database is not open");
  return database;
}

function fail(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  self.postMessage({ kind: "failed", message });
}
