import type { Command } from "commander";
import { z } from "zod";
import { PeerError, toPeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop } from "../runtime/process.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { wholeNumber } from "./paging.ts";
import { grouped, writeLine, writeNote } from "./print.ts";
import { type ServerEvent, serverEvents } from "./server-events.ts";

/** How long to wait before a broken line is taken up again. */
const againMs = 1_000;

const headSchema = z.object({
  registerId: z.string(),
  docketNumber: z.number(),
  docketHash: z.string(),
  firstDocketNumber: z.number().optional(),
  transactionCount: z.number().optional(),
  at: z.string(),
});

export function addWatch(group: Command): void {
  withConnection(
    group
      .command("watch")
      .description("Follow a register live: a line for every docket or run of dockets")
      .argument("<register-id>"),
  )
    .option("--count <lines>", "end after so many", wholeNumber)
    .addHelpText("after", "\nExample:\n  sorcha-peer registers watch 5f3c… --output ndjson")
    .action(watch);
}

/** Until Ctrl-C. A broken line is taken up where it broke. */
async function watch(
  registerId: string,
  options: ConnectOptions & { count?: number },
): Promise<void> {
  const client = await connect(options);
  const register = await client.call("getRegister", { params: { registerId } });
  if (!options.quiet) {
    const head = grouped(register.headDocketNumber);
    writeNote(`${register.name || registerId}: docket ${head} is the newest; Ctrl-C ends this`);
  }
  let left = options.count ?? Number.POSITIVE_INFINITY;
  if (left === 0) return;
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  try {
    for await (const event of eventsOf(client, { registerId, signal: stopping.signal })) {
      writeHead(event, options);
      left -= 1;
      if (left <= 0) break;
    }
  } finally {
    stopping.abort();
    forget();
  }
}

async function* eventsOf(
  client: Client,
  options: { registerId: string; signal: AbortSignal },
): AsyncGenerator<ServerEvent> {
  const { registerId, signal } = options;
  let lastId: string | null = null;
  while (!signal.aborted) {
    try {
      const bytes = client.stream("events", {
        query: { registerId, type: "register.head" },
        ...(lastId === null ? {} : { headers: { "last-event-id": lastId } }),
        signal,
      });
      for await (const event of serverEvents(bytes)) {
        lastId = event.id ?? lastId;
        yield event;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toPeerError(thrown);
      const isPassing = ["network", "unavailable", "exhausted"].includes(error.kind);
      if (!isPassing || error.code === "not-a-node") throw error;
      writeNote(`${error.message}; trying again`);
    }
    await systemClock.sleep(againMs, signal).catch(() => undefined);
  }
}

function writeHead(event: ServerEvent, options: ConnectOptions): void {
  const parsed = headSchema.safeParse(JSON.parse(event.data));
  if (!parsed.success) {
    throw new PeerError("network", "bad-event", { message: "The node sent an unknown event" });
  }
  const head = parsed.data;
  if (options.output === "json" || options.output === "ndjson") {
    writeLine(JSON.stringify(head));
  } else if (options.output === "csv") {
    writeLine([head.docketNumber, head.transactionCount ?? "", head.at, head.docketHash].join(","));
  } else {
    const first = head.firstDocketNumber ?? head.docketNumber;
    const run = first === head.docketNumber ? "" : `${grouped(first)}–`;
    const count = head.transactionCount === undefined ? "" : grouped(head.transactionCount);
    const docket = `docket ${run}${grouped(head.docketNumber)}`;
    const hash = `${head.docketHash.slice(0, 16)}…`;
    writeLine(`${docket}  ${count} transactions  ${head.at}  ${hash}`);
  }
}
