import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";

export function listSettings(
  call: Call<Endpoints["listSettings"]>,
): Reply<Endpoints["listSettings"]> {
  return { body: call.source.listSettings() };
}
