import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { byText, mentions, pageOf } from "./listing.ts";
import type { RegisterJson } from "./schemas.ts";
import type { AvailableView, HeldRegister, RestSource, SubscriptionView } from "./source.ts";
import { toJson as upkeepJson } from "./upkeep.ts";
import { heldRegister, isVisible } from "./visible.ts";

type RegistersCall = Call<Endpoints["listRegisters"]>;

export function listRegisters(call: RegistersCall): Reply<Endpoints["listRegisters"]> {
  const { name, origin, search } = call.query;
  const matching = call.source
    .listRegisters()
    .filter((register) => isVisible(register, call.caller))
    .filter((register) => name === undefined || register.name === name)
    .filter((register) => mentions(search, [register.registerId, register.name]))
    .filter((register) => origin === undefined || register.isOrigin === origin)
    .filter((register) => isAsPublic(register, call.query.public));
  const { rows, headers } = pageOf(matching, { ...call.query, orders });
  const others = othersOf(call.source);
  const body = rows.map((register) => toJson(register, others));
  return { body, headers };
}

export function getRegister(call: Call<Endpoints["getRegister"]>): Reply<Endpoints["getRegister"]> {
  const { registerId } = call.params;
  const register = heldRegister(call, registerId);
  const others = othersOf(call.source);
  return {
    body: {
      ...toJson(register, others),
      policy: register.policy,
      upkeep: upkeepJson(call.source.upkeepOf(registerId)),
      subscription: others.subscriptions.get(registerId) ?? null,
    },
  };
}

export function availableRegisters(
  call: Call<Endpoints["availableRegisters"]>,
): Reply<Endpoints["availableRegisters"]> {
  const { search } = call.query;
  const matching = call.source
    .availableRegisters()
    .filter((one) => isVisible(one, call.caller))
    .filter((one) => mentions(search, [one.registerId, one.name]))
    .filter((one) => isAsPublic(one, call.query.public));
  const { rows, headers } = pageOf(matching, { ...call.query, orders: availableOrders });
  return { body: rows, headers };
}

/** The reference service keeps what it replicates in a cache; here it is the store. */
export function cachedRegisters(
  call: Call<Endpoints["cachedRegisters"]>,
): Reply<Endpoints["cachedRegisters"]> {
  const matching = call.source
    .listRegisters()
    .filter((register) => isVisible(register, call.caller))
    .filter((register) => mentions(call.query.search, [register.registerId, register.name]));
  const { rows, headers } = pageOf(matching, { ...call.query, orders });
  const body = rows.map((register) => ({
    registerId: register.registerId,
    transactionCount: register.transactionCount,
    docketCount: docketCountOf(register),
    latestTransactionVersion: register.latestVersion,
    latestDocketVersion: register.headNumber,
    lastUpdateTime: new Date(register.headTimeMs).toISOString(),
  }));
  return { body, headers };
}

export async function purgeCache(
  call: Call<Endpoints["purgeCache"]>,
): Promise<Reply<Endpoints["purgeCache"]>> {
  const { registerId } = call.params;
  const held = call.source.getRegister(registerId);
  await call.source.purge(registerId);
  return {
    body: {
      registerId,
      purged: true,
      transactionsRemoved: held?.transactionCount ?? 0,
      docketsRemoved: held === null ? 0 : docketCountOf(held),
    },
  };
}

export async function createRegister(
  call: Call<Endpoints["createRegister"]>,
): Promise<Reply<Endpoints["createRegister"]>> {
  const created = await call.source.createRegister({
    ...withoutUndefined(call.body),
    ...(call.attempt === null ? {} : { registerId: call.attempt.seed }),
  });
  return { body: created, headers: { location: `/api/registers/${created.registerId}` } };
}

export async function changePolicy(
  call: Call<Endpoints["changePolicy"]>,
): Promise<Reply<Endpoints["changePolicy"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const change = { registerId, ...withoutUndefined(call.body) };
  const changed = await call.source.changePolicy(change);
  return { body: changed, status: changed.docketNumber === undefined ? 202 : 201 };
}

/** Dockets that are stored here. */
function docketCountOf(register: HeldRegister): number {
  return register.headNumber - register.firstNumber + 1;
}

const orders = {
  registerId: (left: HeldRegister, right: HeldRegister) =>
    byText(left.registerId, right.registerId),
  name: (left: HeldRegister, right: HeldRegister) => byText(left.name, right.name),
  height: (left: HeldRegister, right: HeldRegister) => right.headNumber - left.headNumber,
  bytes: (left: HeldRegister, right: HeldRegister) => right.bytes - left.bytes,
  latestVersion: (left: HeldRegister, right: HeldRegister) =>
    right.latestVersion - left.latestVersion,
  headTime: (left: HeldRegister, right: HeldRegister) => right.headTimeMs - left.headTimeMs,
};

const availableOrders = {
  registerId: (left: AvailableView, right: AvailableView) =>
    byText(left.registerId, right.registerId),
  name: (left: AvailableView, right: AvailableView) => byText(left.name ?? "", right.name ?? ""),
  peers: (left: AvailableView, right: AvailableView) => right.peerCount - left.peerCount,
  latestVersion: (left: AvailableView, right: AvailableView) =>
    right.latestVersion - left.latestVersion,
};

function isAsPublic(register: { isPublic: boolean }, wanted: boolean | undefined): boolean {
  return wanted === undefined || register.isPublic === wanted;
}

/** What is known of registers besides what is stored of them. */
interface Others {
  available: Map<string, AvailableView>;
  subscriptions: Map<string, SubscriptionView>;
  isAdvertised: (registerId: string) => boolean;
}

function othersOf(source: RestSource): Others {
  return {
    available: new Map(source.availableRegisters().map((one) => [one.registerId, one])),
    subscriptions: new Map(source.listSubscriptions().map((one) => [one.registerId, one])),
    isAdvertised: (registerId) => source.peerDesk.isAdvertised(registerId),
  };
}

function toJson(register: HeldRegister, others: Others): RegisterJson {
  const available = others.available.get(register.registerId);
  return {
    registerId: register.registerId,
    name: register.name,
    description: register.description,
    isPublic: register.isPublic,
    genesisHash: register.genesisHash,
    height: register.headNumber + 1,
    firstDocketNumber: register.firstNumber,
    headDocketNumber: register.headNumber,
    headDocketHash: register.headHash,
    headTime: new Date(register.headTimeMs).toISOString(),
    latestVersion: register.latestVersion,
    transactionCount: register.transactionCount,
    bytes: register.bytes,
    verification: register.verification,
    isOrigin: register.isOrigin,
    isAdvertised: others.isAdvertised(register.registerId),
    sourceCount: available?.peerCount ?? 0,
    lagDockets: Math.max(0, (available?.latestDocketVersion ?? 0) - register.headNumber),
    pausedAt: others.subscriptions.get(register.registerId)?.pausedAt ?? null,
    createdAt: new Date(register.createdAtMs).toISOString(),
  };
}
