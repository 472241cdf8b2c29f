import { utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { type EventHub, type News, readPlace } from "./event-hub.ts";
import { isVisible } from "./visible.ts";
import { toJson } from "./why.ts";

type EventsCall = Call<Endpoints["events"]>;

/** Server-sent events. Anonymous callers get those of public registers. */
export function events(call: EventsCall): Reply<Endpoints["events"]> {
  if (call.events.readerCount >= limits.eventStreams) {
    throw new PeerError("exhausted", "too-many-streams", {
      message: `${limits.eventStreams} callers follow events already`,
    });
  }
  return { stream: lines(call, call.events) };
}

/** What is stored of them: whoever may ask for one register's history may ask for all of it. */
export async function pastEvents(
  call: Call<Endpoints["pastEvents"]>,
): Promise<Reply<Endpoints["pastEvents"]>> {
  const { limit, type: types, ...wanted } = call.query;
  const found = await call.source.readEvents(
    withoutUndefined({ ...wanted, types, countMax: limit }),
  );
  const isMore = found.length === limit;
  return {
    body: {
      events: found.toReversed().map(toJson),
      next: isMore ? (found[0]?.eventId ?? null) : null,
    },
  };
}

async function* lines(call: EventsCall, hub: EventHub): AsyncGenerator<Uint8Array> {
  const { registerId, type } = call.query;
  const wanted = (type ?? []).map((pattern) => patternOf(pattern));
  yield utf8(`retry: ${limits.eventRetryMs}\n\n`);
  const place = readPlace(call.headers.get("last-event-id"));
  for await (const news of hub.follow({ place, signal: call.signal })) {
    if (news === null) {
      yield utf8(":\n\n");
    } else if (
      (registerId === undefined || news.registerId === registerId) &&
      (wanted.length === 0 || wanted.some((pattern) => pattern.test(news.type))) &&
      maySee(call, news)
    ) {
      yield utf8(lineOf(news, hub.idOf(news)));
    }
  }
}

function lineOf(news: News, id: string): string {
  const { type, registerId, atMs, facts } = news;
  const data = { ...facts, type, registerId, at: new Date(atMs).toISOString() };
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function maySee(call: EventsCall, news: News): boolean {
  const { caller, source } = call;
  if (!caller.isAnonymous && !caller.isPeer) return true;
  if (news.registerId === null) return false;
  const held = source.getRegister(news.registerId);
  if (held !== null) return isVisible(held, caller);
  const told = source.availableRegisters().find((one) => one.registerId === news.registerId);
  return told !== undefined && isVisible(told, caller);
}

/** `register.*` is every type that begins so. */
function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.]/g, "\\.").replace(/\*/g, ".*");
  return new RegExp(`^${escaped}$`);
}
