import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { isVisible } from "./visible.ts";

export function listSubscriptions(
  call: Call<Endpoints["listSubscriptions"]>,
): Reply<Endpoints["listSubscriptions"]> {
  const hidden = hiddenRegisters(call);
  const subscriptions = call.source.listSubscriptions();
  return { body: subscriptions.filter((one) => !hidden.has(one.registerId)) };
}

export async function subscribe(
  call: Call<Endpoints["subscribe"]>,
): Promise<Reply<Endpoints["subscribe"]>> {
  const { registerId } = call.params;
  const status = await call.source.subscribe({ registerId, ...withoutUndefined(call.body) });
  return { body: status, headers: { location: `/api/registers/${registerId}/subscribe` } };
}

export async function unsubscribe(
  call: Call<Endpoints["unsubscribe"]>,
): Promise<Reply<Endpoints["unsubscribe"]>> {
  const { registerId } = call.params;
  const { purge } = call.query;
  await call.source.unsubscribe(registerId, { purge });
  return { body: { registerId, unsubscribed: true, cacheRetained: !purge } };
}

/** Private by what is held here or, before anything is, by what peers say. */
function hiddenRegisters(call: Call<Endpoints["listSubscriptions"]>): Set<string> {
  const known = [...call.source.listRegisters(), ...call.source.availableRegisters()];
  return new Set(known.filter((one) => !isVisible(one, call.caller)).map((one) => one.registerId));
}
