import { PeerError } from "../base/error.ts";
import { limitedAs } from "../base/host.ts";
import type { Caller, TokenGate } from "../trust/tokens.ts";
import type { CallerAddresses } from "./address.ts";
import type { EndpointShape } from "./endpoint.ts";
import type { Rates } from "./rates.ts";

/** What stands at the door. */
export interface Door {
  gate: TokenGate;
  rates: Rates;
  addresses: CallerAddresses;
}

export interface Arrival {
  request: Request;
  /** The address that connected; null without a socket. */
  address: string | null;
}

/**
 * Who calls, if there is room for the call. Services have a limit of their own, by token; everybody
 * else has one by address. Bad tokens are counted too, so that guessing is slow. Throws `exhausted`
 * and `unauthenticated`.
 */
export async function admit(
  endpoint: Pick<EndpointShape, "method" | "isProbe">,
  arrival: Arrival,
  door: Door,
): Promise<Caller> {
  if (endpoint.isProbe) return { isAnonymous: true };
  const { headers } = arrival.request;
  const who = limitedAs(door.addresses.of(arrival.address, headers.get("x-forwarded-for")));
  const caller = await identify(headers.get("authorization"), who, door);
  if (!caller.isAnonymous && caller.isService && !caller.isPeer) {
    door.rates.take("service", caller.subject);
  } else {
    door.rates.take(endpoint.method === "GET" ? "read" : "write", who);
  }
  return caller;
}

async function identify(header: string | null, who: string, door: Door): Promise<Caller> {
  if (header === null) return { isAnonymous: true };
  door.rates.check("refusal", who);
  try {
    return await door.gate.callerOf(header);
  } catch (thrown) {
    if (thrown instanceof PeerError && thrown.kind === "unauthenticated") {
      door.rates.take("refusal", who);
    }
    throw thrown;
  }
}
