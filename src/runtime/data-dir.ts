import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { access, constants, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { PeerError } from "../base/error.ts";

/** A node's directory, ours alone until released. */
export interface DataDir {
  /** Absolute. */
  path: string;
  /** Text of a file in it, or null. */
  readSecret(name: string): Promise<string | null>;
  writeSecret(name: string, text: string): Promise<void>;
  release(): void;
}

/**
 * Makes the directory (0700) where it is missing, checks that it can be written, and takes its
 * lock. The lock is one of the operating system's on a file in it: it ends with the process,
 * however that ends, so a kill -9 leaves nothing to clean up. Throws `configuration` in one
 * sentence.
 */
export async function openDataDir(path: string): Promise<DataDir> {
  const directory = resolve(path);
  await makeWritable(directory);
  const lock = takeLock(directory);
  held.add(lock);
  return {
    path: directory,
    readSecret: (name) => readSecret(join(directory, name)),
    writeSecret: (name, text) => writeSecret(join(directory, name), text),
    release: () => {
      held.delete(lock);
      lock.close();
    },
  };
}

/**
 * Kept from the garbage collector, which would close a lock that its owner forgot and so free it.
 */
const held = new Set<Database>();

/** The file's text, or null when there is no such file. Needs no lock. */
export async function readSecret(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return null;
    throw unusable(`The file ${path} can't be read`, thrown);
  }
}

/** Writes a file that only we may read (0600), whole or not at all, also when the power fails. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    await writeDraft(draft, text);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw unusable(`The file ${path} can't be written`, thrown);
  }
}

async function writeDraft(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename in the folder last; where a system can't, it lasts when the system says so. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  await folder.sync().catch(() => undefined);
  await folder.close();
}

async function makeWritable(directory: string): Promise<void> {
  try {
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (made === undefined)
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const reason = reasons[codeOf(thrown)] ?? "can't be used";
    throw unusable(`The data directory ${directory} ${reason}`, thrown);
  }
}

const reasons: Record<string, string> = {
  EACCES: "can't be written by this user",
  EPERM: "can't be written by this user",
  EROFS: "is on a read-only file system",
  EEXIST: "is not a directory",
  ENOTDIR: "is not a directory",
  ENOSPC: "is on a disk that is full",
};

function takeLock(directory: string): Database {
  const lock = openLockFile(directory);
  try {
    lock.run("PRAGMA journal_mode = MEMORY");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (thrown) {
    lock.close();
    if (codeOf(thrown) === "SQLITE_BUSY") {
      throw new PeerError("configuration", "data-dir-in-use", {
        message: `The data directory ${directory} is in use by another node`,
      });
    }
    throw unusable(`The data directory ${directory} can't be locked`, thrown);
  }
}

function openLockFile(directory: string): Database {
  try {
    return new Database(join(directory, "lock"), { create: true });
  } catch (thrown) {
    throw unusable(`The data directory ${directory} can't be written by this user`, thrown);
  }
}

function unusable(message: string, cause: unknown): PeerError {
  return new PeerError("configuration", "data-dir-unusable", { message, cause });
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
