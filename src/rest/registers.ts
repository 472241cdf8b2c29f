import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { byText, mentions, pageOf } from "./listing.ts";
import type { RegisterJson } from "./schemas.ts";
import type { AvailableView, HeldRegister, RestSource } from "./source.ts";
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
  const available = availableById(call.source);
  const body = rows.map((register) => toJson(register, available.get(register.registerId)));
  return { body, headers };
}

export function getRegister(call: Call<Endpoints["getRegister"]>): Reply<Endpoints["getRegister"]> {
  const { registerId } = call.params;
  const register = heldRegister(call, registerId);
  const subscription = call.source.listSubscriptions().find((one) => one.registerId === registerId);
  return {
    body: {
      ...toJson(register, availableById(call.source).get(registerId)),
      policy: register.policy,
      subscription: subscription ?? null,
      upkeep: upkeepJson(call.source.upkeepOf(registerId)),
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

export async function createRegister(
  call: Call<Endpoints["createRegister"]>,
): Promise<Reply<Endpoints["createRegister"]>> {
  const created = await call.source.createRegister({
    ...withoutUndefined(call.body),
    ...(call.attempt === null ? {} : { registerId: call.attempt.seed }),
  });
  return { body: created, headers: { location: `/api/registers/${created.registerId}` } };
}

const orders = {
  registerId: (left: HeldRegister, right: HeldRegister) =>
    byText(left.registerId, right.registerId),
  name: (left: HeldRegister, right: HeldRegister) => byText(left.name, right.name),
  height: (left: HeldRegister, right: HeldRegister) => right.headNumber - left.headNumber,
  bytes: (left: HeldRegister, right: HeldRegister) => right.bytes - left.bytes,
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

function availableById(source: RestSource): Map<string, AvailableView> {
  return new Map(source.availableRegisters().map((one) => [one.registerId, one]));
}

function toJson(register: HeldRegister, available: AvailableView | undefined): RegisterJson {
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
    sourceCount: available?.peerCount ?? 0,
    lagDockets: Math.max(0, (available?.latestDocketVersion ?? 0) - register.headNumber),
    createdAt: new Date(register.createdAtMs).toISOString(),
  };
}
