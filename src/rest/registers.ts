import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import type { RegisterJson } from "./schemas.ts";
import type { AvailableView, HeldRegister, RestSource } from "./source.ts";
import { heldRegister, isVisible } from "./visible.ts";

type RegistersCall = Call<Endpoints["listRegisters"]>;

export function listRegisters(call: RegistersCall): Reply<Endpoints["listRegisters"]> {
  const { limit, offset, name, origin, sort } = call.query;
  const matching = call.source
    .listRegisters()
    .filter((register) => isVisible(register, call.caller))
    .filter((register) => name === undefined || register.name === name)
    .filter((register) => origin === undefined || register.isOrigin === origin);
  matching.sort(orders[sort]);
  const available = availableById(call.source);
  return {
    body: matching
      .slice(offset, offset + limit)
      .map((register) => toJson(register, available.get(register.registerId))),
    headers: { "x-total-count": String(matching.length) },
  };
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
    },
  };
}

export function availableRegisters(
  call: Call<Endpoints["availableRegisters"]>,
): Reply<Endpoints["availableRegisters"]> {
  const { limit, offset } = call.query;
  const visible = call.source.availableRegisters().filter((one) => isVisible(one, call.caller));
  return {
    body: visible.slice(offset, offset + limit),
    headers: { "x-total-count": String(visible.length) },
  };
}

export async function createRegister(
  call: Call<Endpoints["createRegister"]>,
): Promise<Reply<Endpoints["createRegister"]>> {
  const created = await call.source.createRegister(withoutUndefined(call.body));
  return { body: created, headers: { location: `/api/registers/${created.registerId}` } };
}

const orders: Record<
  RegistersCall["query"]["sort"],
  (left: HeldRegister, right: HeldRegister) => number
> = {
  registerId: (left, right) => (left.registerId < right.registerId ? -1 : 1),
  name: (left, right) => left.name.localeCompare(right.name),
  height: (left, right) => right.headNumber - left.headNumber,
};

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
