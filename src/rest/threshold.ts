import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { withoutUndefined } from "./defined.ts";
import { heldRegister } from "./visible.ts";

export function thresholdState(
  call: Call<Endpoints["thresholdState"]>,
): Reply<Endpoints["thresholdState"]> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: call.source.groups.status(registerId) };
}

export async function initThreshold(
  call: Call<Endpoints["initThreshold"]>,
): Promise<Reply<Endpoints["initThreshold"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: await call.source.groups.init(registerId, wantedIn(call.body)) };
}

export async function reshareThreshold(
  call: Call<Endpoints["reshareThreshold"]>,
): Promise<Reply<Endpoints["reshareThreshold"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: await call.source.groups.reshare(registerId, wantedIn(call.body)) };
}

function wantedIn(body: Call<Endpoints["initThreshold"]>["body"]) {
  return {
    threshold: body.threshold,
    validators: body.validators.map((one) => withoutUndefined(one)),
  };
}
