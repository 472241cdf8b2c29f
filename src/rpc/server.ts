/**
 * Owns the node's gRPC listener: binds it, gives every call the same rules (who may come in, what
 * an error tells, how it ends when the node stops), and drains it. What is answered is in the
 * handlers it is given. Opened and closed by `node.ts`.
 */
import { logVerbosity, Server, type ServerOptions, setLogVerbosity } from "@grpc/grpc-js";
import { LRUCache } from "lru-cache";
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { type Clock, every, systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { callWatcher } from "../telemetry/recording.ts";
import { Connections } from "../wire/connections.ts";
import { reflectionHandlers } from "../wire/reflection.ts";
import {
  type Admission,
  believeClaim,
  type Caller,
  type Handler,
  type ServeRules,
} from "../wire/serve.ts";
import { refuse } from "../wire/status.ts";
import { listenerCredentials, onHandshakeFailure, type TlsSource } from "../wire/tls.ts";
import { healthHandlers } from "./health.ts";

export interface RpcServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  handlers: readonly Handler[];
  /** Errors tell their causes: in development. */
  showDetails: boolean;
  /** What health probes are told. */
  isServing: () => boolean | Promise<boolean>;
  /** Left out: bytes in the clear. */
  tls?: TlsSource | null;
  /** Who a caller is; throws for bad credentials. Left out: who it says it is. */
  identify?: ServeRules["identify"];
  /** Asked before every call; throws for a caller that is not let in, such as a banned peer. */
  admit?: (caller: Caller) => Admission;
  /** For tests. */
  clock?: Clock;
  /** Told of callers that were refused, at most once a minute for each host and reason. */
  keepEvent?: KeepEvent;
}

type KeepEvent = (event: {
  type: string;
  message: string;
  /** Who it is about, as far as that was said. */
  peerId?: string | null;
  facts: Record<string, unknown>;
}) => void;

const log = logFor("rpc");

const told = new LRUCache<string, true>({ max: 1_000, ttl: 60_000 });
let running: Running | null = null;

interface Running {
  server: Server;
  stopping: AbortController;
  /** Whether what let each open stream in still holds, and who connected without a word. */
  duties: { stop: () => Promise<void> }[];
}

/** Listens, and says on which port. Throws `configuration` when that can't be. */
export async function open(options: RpcServerOptions): Promise<{ port: number }> {
  assert(running === null, "the gRPC listener is opened once");
  // The library would write to stderr what it also throws.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(serverOptions);
  const stopping = new AbortController();
  const checks = new Set<() => Promise<void>>();
  const clock = options.clock ?? systemClock;
  const connections = new Connections({
    countMax: limits.openConnections,
    perHostMax: limits.openPerHost,
    silentMs: limits.silentConnectionMs,
    monotonicMs: () => clock.monotonicMs(),
  });
  const callBegins = (address: string) => connections.callBegins(address);
  const given = { stopping: stopping.signal, callBegins };
  const rules = { ...rulesOf(options, given), watch: watchIn(checks) };
  const isServing = async () => !stopping.signal.aborted && (await options.isServing());
  const serviceNames = options.handlers.map((handler) => handler.path.split("/")[1] ?? "");
  for (const { path, definition, implement } of [
    ...options.handlers,
    ...healthHandlers({ serviceNames, isServing }),
    ...reflectionHandlers(),
  ]) {
    server.addService({ [path]: definition }, { [path]: implement(rules) });
  }
  const port = await bind(server, options);
  onHandshakeFailure(server, (failure) =>
    tellOnce(failure, {
      message: "A TLS handshake failed: one side does not trust the other's certificate",
      keepEvent: options.keepEvent,
    }),
  );
  connections.watch(server);
  const checkAll = async () => {
    for (const check of checks) await check();
  };
  const endSilent = async () => void connections.endSilent();
  const duties = [
    every(limits.trustCheckMs, { clock, tick: checkAll }),
    every(limits.silentConnectionMs / 10, { clock, tick: endSilent }),
  ];
  running = { server, stopping, duties };
  return { port };
}

/**
 * Takes no new calls, ends streams with UNAVAILABLE, lets answers under way be finished. What is
 * left after half of `limits.stopMs`, whose other half belongs to the floors below, is cut.
 */
export async function close(): Promise<void> {
  if (running === null) return;
  const { server, stopping, duties } = running;
  running = null;
  const unwatched = Promise.all(duties.map((duty) => duty.stop()));
  const drained = new AbortController();
  const isDrained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  stopping.abort();
  const patience = systemClock.sleep(limits.stopMs / 2, drained.signal).catch(() => undefined);
  await Promise.race([isDrained, patience]);
  drained.abort();
  server.forceShutdown();
  await unwatched;
}

const serverOptions: ServerOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 30_000,
  // Calls that were begun and never got as far as a question count here. Twice as many as may be
  // answered at once, so that whoever has too many of those is told so instead of waiting.
  "grpc.max_concurrent_streams": 2 * limits.streamsPerPeer,
};

function rulesOf(
  options: RpcServerOptions,
  given: { stopping: AbortSignal; callBegins: (address: string) => () => void },
): ServeRules {
  const callsOf = new Map<string, number>();
  return {
    stopping: given.stopping,
    watchCall: callWatcher("server", () => systemClock.monotonicMs()),
    identify: options.identify ?? believeClaim,
    showDetails: options.showDetails,
    onStranger: (error, { claimedId: peerId, ...call }) => {
      const { code, message: reason } = error;
      const { keepEvent } = options;
      const who = peerId === null ? "" : ` that says it is ${peerId}`;
      const message = `A caller${who} was refused`;
      tellOnce({ ...call, code, reason }, { message, peerId, keepEvent });
    },
    onFault: (error, path) => {
      const cause = error instanceof Error ? messageOf(error.cause ?? error) : messageOf(error);
      log.error({ path, cause }, "A call failed by our own fault");
    },
    admit: (caller) => {
      const { address } = caller;
      const calls = callsOf.get(address) ?? 0;
      if (calls >= limits.streamsPerPeer) {
        throw refuse("BUSY", {
          message: `This connection has ${calls} calls open, as many as one may`,
          retryAfterMs: 1_000,
        });
      }
      const admission = options.admit?.(caller);
      const callEnds = given.callBegins(address);
      callsOf.set(address, calls + 1);
      const leave = () => {
        admission?.leave();
        callEnds();
        const left = (callsOf.get(address) ?? 1) - 1;
        if (left > 0) callsOf.set(address, left);
        else callsOf.delete(address);
      };
      return { leave, expelled: admission?.expelled };
    },
  };
}

function watchIn(checks: Set<() => Promise<void>>): NonNullable<ServeRules["watch"]> {
  return (check) => {
    checks.add(check);
    return () => checks.delete(check);
  };
}

/** Strangers come again and again; a line a minute for each host and reason is news enough. */
function tellOnce(
  facts: { address: string; reason: string; code?: string; path?: string },
  about: { message: string; peerId?: string | null; keepEvent: KeepEvent | undefined },
): void {
  const { message, peerId = null, keepEvent } = about;
  const key = `${facts.address.replace(/:\d+$/, "")} ${facts.reason}`;
  if (told.has(key)) return;
  told.set(key, true);
  log.warn(peerId === null ? facts : { ...facts, claimedId: peerId }, message);
  const code = facts.code ?? "tls-handshake";
  const text = `${message}: ${facts.reason}`.slice(0, 500);
  keepEvent?.({ type: "caller.refused", message: text, peerId, facts: { ...facts, code } });
}

function bind(server: Server, options: RpcServerOptions): Promise<number> {
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  const address = `${host}:${options.port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, listenerCredentials(options.tls ?? null), (error, port) => {
      if (error === null) return resolve(port);
      server.forceShutdown();
      reject(bindError(address, error));
    });
  });
}

function bindError(address: string, error: Error): PeerError {
  const isTaken = /EADDRINUSE|in use/i.test(error.message);
  return new PeerError("configuration", isTaken ? "port-taken" : "bad-address", {
    message: isTaken
      ? `The gRPC address ${address} is in use by another program`
      : `The gRPC address ${address} can't be listened on: ${error.message}`,
    facts: { address },
    cause: error,
  });
}
