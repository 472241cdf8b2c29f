import { PeerError } from "../base/error.ts";
import { readBundle } from "../dockets/bundle.ts";
import { follow } from "../registers/feed.ts";
import { registerOf } from "../registers/heads.ts";
import { readDockets } from "../registers/stored-dockets.ts";
import { mayRead } from "../replication/local-adverts.ts";
import { limits } from "../runtime/limits.ts";
import { checkRegisterId } from "../wire/checks.ts";
import type { HeadAnnouncement, HeadsRequest } from "../wire/messages.ts";
import type { Caller } from "../wire/serve.ts";
import type { ServeOptions } from "./served.ts";

/**
 * The newest docket of each register, as its sealed document: at once, and then whenever it
 * changes. Registers that the caller may not read, or that are not here or paused, are left out in
 * silence. A caller that is slower than the chains grow is told the newest only.
 */
export async function* announceHeads(
  request: HeadsRequest,
  caller: Pick<Caller, "provenId" | "signal">,
  options: Pick<ServeOptions, "subscriptionOf">,
): AsyncGenerator<HeadAnnouncement> {
  const { registerIds } = request;
  if (registerIds.length > limits.subscriptions) {
    throw new PeerError("too-large", "too-many", {
      message: `Field register_ids holds more than the ${limits.subscriptions} allowed`,
    });
  }
  for (const registerId of registerIds) checkRegisterId(registerId);
  const wanted = new Set(registerIds);
  const told = new Map<string, number>();
  while (!caller.signal.aborted) {
    // Listening begins before the reading: what is sealed in between is not missed.
    const news = follow({ signal: caller.signal });
    for (const registerId of wanted) yield* headOf(registerId, { caller, told, options });
    for await (const event of news) {
      if (!wanted.has(event.registerId)) continue;
      if (event.number <= (told.get(event.registerId) ?? -1)) continue;
      yield* headOf(event.registerId, { caller, told, options });
    }
    if (!news.lagged) return;
  }
}

async function* headOf(
  registerId: string,
  given: {
    caller: Pick<Caller, "provenId">;
    told: Map<string, number>;
    options: Pick<ServeOptions, "subscriptionOf">;
  },
): AsyncGenerator<HeadAnnouncement> {
  const register = registerOf(registerId);
  if (register === null || !mayRead(register, given.caller.provenId)) return;
  if (given.options.subscriptionOf(registerId)?.isPaused) return;
  const { headNumber: number, headHash: docketHash } = register;
  if (number <= (given.told.get(registerId) ?? -1)) return;
  const range = { registerId, next: number, countMax: 1, bytesMax: 1, headersOnly: true };
  const [header] = await readDockets(range);
  const docketData = header === undefined ? null : readBundle(header.bundle)?.docketData;
  if (!docketData) return;
  given.told.set(registerId, number);
  yield { registerId, number, docketHash, docketData };
}
