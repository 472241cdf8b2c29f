import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { byText, pageOf } from "./listing.ts";
import type { SubscriptionView } from "./source.ts";
import { isVisible } from "./visible.ts";

export function listSubscriptions(
  call: Call<Endpoints["listSubscriptions"]>,
): Reply<Endpoints["listSubscriptions"]> {
  const hidden = hiddenRegisters(call);
  const { status, mode } = call.query;
  const matching = call.source
    .listSubscriptions()
    .filter((one) => !hidden.has(one.registerId))
    .filter((one) => status === undefined || one.syncState === status)
    .filter((one) => mode === undefined || one.mode === mode);
  const { rows, headers } = pageOf(matching, { ...call.query, orders });
  return { body: rows, headers };
}

export async function subscribe(
  call: Call<Endpoints["subscribe"]>,
): Promise<Reply<Endpoints["subscribe"]>> {
  const { registerId } = call.params;
  const status = begun(call) ?? (await call.source.subscribe(wanted(call)));
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

/** What an earlier attempt of this very request has begun. */
function begun(call: Call<Endpoints["subscribe"]>): SubscriptionView | null {
  if (!call.attempt?.isRetry) return null;
  const { registerId } = call.params;
  const isIt = (one: SubscriptionView) =>
    one.registerId === registerId && one.mode === call.body.mode;
  return call.source.listSubscriptions().find(isIt) ?? null;
}

function wanted(call: Call<Endpoints["subscribe"]>) {
  const { retention, ...asked } = call.body;
  return {
    registerId: call.params.registerId,
    ...withoutUndefined(asked),
    ...(retention === undefined ? {} : { retention: withoutUndefined(retention) }),
  };
}

export async function pauseRegister(
  call: Call<Endpoints["pauseRegister"]>,
): Promise<Reply<Endpoints["pauseRegister"]>> {
  return { body: await call.source.pause(call.params.registerId) };
}

export async function resumeRegister(
  call: Call<Endpoints["resumeRegister"]>,
): Promise<Reply<Endpoints["resumeRegister"]>> {
  return { body: await call.source.resume(call.params.registerId) };
}

const orders = {
  registerId: (left: SubscriptionView, right: SubscriptionView) =>
    byText(left.registerId, right.registerId),
  progress: (left: SubscriptionView, right: SubscriptionView) =>
    right.syncProgressPercent - left.syncProgressPercent,
  lastSync: (left: SubscriptionView, right: SubscriptionView) =>
    byText(right.lastSyncAt ?? "", left.lastSyncAt ?? ""),
  failures: (left: SubscriptionView, right: SubscriptionView) =>
    right.consecutiveFailures - left.consecutiveFailures,
};

/** Private by what is held here or, before anything is, by what peers say. */
function hiddenRegisters(call: Call<Endpoints["listSubscriptions"]>): Set<string> {
  const known = [...call.source.listRegisters(), ...call.source.availableRegisters()];
  return new Set(known.filter((one) => !isVisible(one, call.caller)).map((one) => one.registerId));
}
