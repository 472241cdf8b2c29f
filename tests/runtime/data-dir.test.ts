import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataDir, readSecret, writeSecret } from "../../src/runtime/data-dir.ts";
import { errorOf } from "../support/error-of.ts";

const root = new URL("../..", import.meta.url).pathname;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sorcha-peer-data-dir-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("openDataDir makes the directory for nobody else to look into", async () => {
  const dataDir = await openDataDir(join(folder, "new", "deep"));
  expect(statSync(dataDir.path).mode & 0o777).toBe(0o700);
  dataDir.release();
});

test("openDataDir refuses a directory in use, and takes it once it is released", async () => {
  const path = join(folder, "twice");
  const first = await openDataDir(path);
  expect(await errorOf(openDataDir(path))).toMatchObject({
    kind: "configuration",
    code: "data-dir-in-use",
    message: `The data directory ${path} is in use by another node`,
  });
  first.release();
  (await openDataDir(path)).release();
});

test("openDataDir refuses a directory in use by another process until that is killed", async () => {
  const path = join(folder, "killed");
  const program = `
    import { openDataDir } from "./src/runtime/data-dir.ts";
    await openDataDir(process.env.DATA_DIR);
    console.log("open");
    setInterval(() => {}, 1000);`;
  const other = Bun.spawn([process.execPath, "-e", program], {
    cwd: root,
    env: { ...process.env, DATA_DIR: path },
  });
  await other.stdout.getReader().read();
  expect(await errorOf(openDataDir(path))).toMatchObject({ code: "data-dir-in-use" });
  other.kill("SIGKILL");
  await other.exited;
  (await openDataDir(path)).release();
});

test("openDataDir refuses what is not a directory", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "");
  for (const bad of [path, join(path, "below")]) {
    expect(await errorOf(openDataDir(bad))).toMatchObject({
      kind: "configuration",
      message: `The data directory ${bad} is not a directory`,
    });
  }
});

// Root may write anywhere: there is nothing to refuse then.
if (process.getuid?.() !== 0) {
  test("openDataDir refuses what it can't write", async () => {
    const path = join(folder, "locked");
    mkdirSync(path);
    chmodSync(path, 0o500);
    expect(await errorOf(openDataDir(path))).toMatchObject({
      kind: "configuration",
      message: `The data directory ${path} can't be written by this user`,
    });
  });
}

test("openDataDir refuses a read-only file system in one sentence", async () => {
  // Even root can't write there.
  expect(await errorOf(openDataDir("/proc/sorcha-peer"))).toMatchObject({ kind: "configuration" });
  expect(await errorOf(openDataDir("/sys/kernel"))).toMatchObject({ kind: "configuration" });
});

test("writeSecret writes for our eyes only, whole, and leaves no draft", async () => {
  const path = join(folder, "secrets");
  mkdirSync(path);
  await writeSecret(join(path, "key"), "one");
  await writeSecret(join(path, "key"), "two");
  expect(await readSecret(join(path, "key"))).toBe("two");
  expect(statSync(join(path, "key")).mode & 0o777).toBe(0o600);
  expect(readdirSync(path)).toEqual(["key"]);
  expect(await readSecret(join(path, "other"))).toBeNull();
});

test("writeSecret says in a sentence that it can't write", async () => {
  const path = join(folder, "missing", "key");
  expect(await errorOf(writeSecret(path, "x"))).toMatchObject({
    kind: "configuration",
    message: `The file ${path} can't be written`,
  });
});
