import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
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
      events: events.reverse().map(({ atMs, type, peerId, message, facts }) => ({
        at: new Date(atMs).toISOString(),
        type,
        peerId,
        message,
        facts,
      })),
    },
  };
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
