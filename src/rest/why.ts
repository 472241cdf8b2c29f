import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { NotedEvent } from "./source.ts";
import { heldRegister } from "./visible.ts";

export async function whyRegister(
  call: Call<Endpoints["whyRegister"]>,
): Promise<Reply<Endpoints["whyRegister"]>> {
  const { registerId } = call.params;
  const subscription =
    call.source.listSubscriptions().find((one) => one.registerId === registerId) ?? null;
  // What is followed and has not come yet has a history, too.
  if (subscription === null) heldRegister(call, registerId);
  const events = await call.source.readEvents({
    after: 0,
    countMax: call.query.limit,
    registerId,
  });
  return {
    body: {
      registerId,
      subscription,
      events: events
        .reverse()
        .map(toJson)
        .map(({ eventId: _, registerId: __, ...event }) => event),
    },
  };
}

/** An event as operators see it. */
export function toJson({ atMs, ...event }: NotedEvent) {
  const { code } = event.facts;
  return {
    ...event,
    at: new Date(atMs).toISOString(),
    code: typeof code === "string" ? code : null,
    expiresAt: endOf(atMs, event.facts),
  };
}

/** When what happened ends by itself, as far as it does. */
function endOf(atMs: number, facts: Record<string, unknown>): string | null {
  const { restMs, untilMs } = facts;
  if (typeof untilMs === "number") return new Date(untilMs).toISOString();
  return typeof restMs === "number" ? new Date(atMs + restMs).toISOString() : null;
}

export async function listEvidence(
  call: Call<Endpoints["listEvidence"]>,
): Promise<Reply<Endpoints["listEvidence"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const found = await call.source.listEvidence(registerId);
  return {
    body: found.map(({ docketNumber, hashes, sourcePeerId, foundAtMs, proof }) => ({
      docketNumber,
      docketHashes: [...hashes],
      sourcePeerId,
      foundAt: new Date(foundAtMs).toISOString(),
      proof,
    })),
  };
}
