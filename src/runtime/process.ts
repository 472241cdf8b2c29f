/**
 * This process and the ones it starts. Whatever `spawnChild` started ends with this process, by its
 * pid, however this process ends short of a kill -9.
 */
import { closeSync, openSync } from "node:fs";
import { PeerError } from "../base/error.ts";
import { systemClock } from "./clock.ts";

export interface Child {
  readonly pid: number;
  /** What it writes to stdout; ends with it. Empty when that goes to a file. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Its exit code once it ended; 128 + the signal's number when a signal ended it. */
  readonly exited: Promise<number>;
  /** The last 64 KiB that it wrote to stderr so far. */
  errorText(): string;
  /** SIGTERM, and SIGKILL if it is still there after `graceMs`. Resolves when it has ended. */
  stop(graceMs: number): Promise<number>;
}

export interface SpawnOptions {
  cwd?: string;
  /** Added to this process's own. */
  environment?: Record<string, string>;
  /** Variables of this process's own that it must not see. */
  hidden?: RegExp;
  input?: Uint8Array;
  /** Takes stdout and stderr instead of memory: for a child that lives long. */
  outputFile?: string;
}

export type StopSignal = "SIGINT" | "SIGTERM";

const children = new Set<Bun.Subprocess>();
const errorTextMax = 64 * 1024;
const echoMs = 1_000;

/** Starts a program. Throws `configuration` when there is none by that name. */
export function spawnChild(command: readonly string[], options: SpawnOptions = {}): Child {
  if (!process.listeners("exit").includes(endChildren)) process.on("exit", endChildren);
  const child = spawn(command, options);
  children.add(child);
  let errorText = "";
  const reading = readText(streamOf(child.stderr), (text) => {
    errorText = (errorText + text).slice(-errorTextMax);
  });
  const exited = child.exited.then(async (code) => {
    children.delete(child);
    await reading;
    return code;
  });
  return {
    pid: child.pid,
    output: streamOf(child.stdout),
    exited,
    errorText: () => errorText,
    stop: async (graceMs) => {
      const waiting = new AbortController();
      child.kill("SIGTERM");
      const kill = async () => {
        await systemClock.sleep(graceMs, waiting.signal);
        child.kill("SIGKILL");
      };
      await Promise.race([exited, kill().catch(() => undefined)]);
      waiting.abort();
      return exited;
    },
  };
}

/**
 * Calls `stop` at the first SIGINT or SIGTERM; another one, a second later or more, ends the
 * process at once. One Ctrl-C may arrive several times: from the terminal, and from `npx` or `bun
 * run` passing it on. Returns what takes the listeners away again.
 */
export function onStop(stop: (signal: StopSignal) => void): () => void {
  let firstMs: number | null = null;
  const listener = (signal: NodeJS.Signals) => {
    const nowMs = systemClock.monotonicMs();
    if (firstMs === null) {
      firstMs = nowMs;
      stop(signal as StopSignal);
    } else if (nowMs - firstMs >= echoMs) process.exit(130);
  };
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
  return () => {
    process.off("SIGINT", listener);
    process.off("SIGTERM", listener);
  };
}

/** Calls `reload` at every SIGHUP. Returns what takes the listener away again. */
export function onReload(reload: () => void): () => void {
  process.on("SIGHUP", reload);
  return () => process.off("SIGHUP", reload);
}

/**
 * The command that starts this very program again: the compiled binary itself, or Bun with the
 * script that it was started with. Bun's flag makes such a child end even when this one is killed.
 */
export function selfCommand(): string[] {
  const script = process.argv[1] ?? "";
  if (script.startsWith("/$bunfs/")) return [process.execPath];
  return [process.execPath, "--no-orphans", script];
}

/** Where relative paths of the user's start. */
export function workingFolder(): string {
  return process.cwd();
}

function spawn(
  command: readonly string[],
  options: SpawnOptions,
): Bun.Subprocess<Uint8Array | "ignore"> {
  const file = options.outputFile === undefined ? null : openSync(options.outputFile, "a", 0o600);
  try {
    return Bun.spawn([...command], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...visibleEnvironment(options.hidden), ...options.environment },
      stdin: options.input ?? "ignore",
      stdout: file ?? "pipe",
      stderr: file ?? "pipe",
    });
  } catch (cause) {
    throw new PeerError("configuration", "program-missing", {
      message: `The program ${JSON.stringify(command[0])} cannot be started`,
      cause,
    });
  } finally {
    if (file !== null) closeSync(file);
  }
}

function visibleEnvironment(hidden: RegExp | undefined): Record<string, string | undefined> {
  const names = Object.keys(process.env).filter((name) => hidden?.test(name) !== true);
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function readText(
  output: AsyncIterable<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of output) take(decoder.decode(chunk, { stream: true }));
}

/** Nothing at all when the output goes to a file. */
function streamOf(output: Bun.Subprocess["stdout"]): AsyncIterable<Uint8Array> {
  return output instanceof ReadableStream ? output : new Blob().stream();
}

function endChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}
