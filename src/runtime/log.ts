/**
 * Owns the program's one logger: pino, JSON lines on stdout or stderr, never a pino transport
 * (those crash in a compiled binary). Whoever runs the process opens it; until then it is silent.
 * Tokens, keys and payloads are never given to it.
 */
import pino from "pino";

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

let root = pino({ level: "silent" });

export function open(options: {
  level: LogLevel;
  nodeId?: string;
  stderr?: boolean;
  /** Asked with every line: the trace that the code which writes it is part of. */
  traceId?: () => string | null;
}): void {
  const { traceId } = options;
  root = pino(
    {
      level: options.level,
      base: options.nodeId === undefined ? null : { nodeId: options.nodeId },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      ...(traceId === undefined ? {} : { mixin: () => traceOf(traceId()) }),
    },
    pino.destination({ dest: options.stderr ? 2 : 1, sync: true }),
  );
}

/** A new object each time: pino writes the line's facts into it. */
function traceOf(traceId: string | null): object {
  return traceId === null ? {} : { traceId };
}

/** From the next line on. */
export function setLevel(level: LogLevel): void {
  root.level = level;
}

export function close(): void {
  root.flush();
  root = pino({ level: "silent" });
}

/** Lines that name the part of the program that wrote them. May be made before `open`. */
export function logFor(part: string, about: object = {}): Log {
  const always = { part, ...about };
  return {
    debug: (facts, message) => root.debug({ ...always, ...facts }, message),
    info: (facts, message) => root.info({ ...always, ...facts }, message),
    warn: (facts, message) => root.warn({ ...always, ...facts }, message),
    error: (facts, message) => root.error({ ...always, ...facts }, message),
  };
}
