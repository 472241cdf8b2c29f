import type { Config } from "../runtime/config.ts";
import { parseAddress, scopeOf } from "./address.ts";
import { isEverywhere } from "./external-address.ts";

/**
 * What a node's settings and its machine say about where it can be reached, and whether it may dial
 * private addresses that strangers tell.
 */
export function announcing(
  config: Pick<Config, "advertise" | "allowPrivate" | "host">,
  machineAddress: string | null,
): {
  announced: { host: string; port: number | null } | null;
  machineHost: string;
  allowPrivate: boolean;
} {
  const { advertise } = config;
  const bare = { host: advertise?.replace(/^\[|\]$/g, "") ?? "", port: null };
  const announced = advertise === undefined ? null : (parseAddress(advertise) ?? bare);
  const machineHost = machineAddress ?? "127.0.0.1";
  const listens = isEverywhere(config.host) ? machineHost : config.host;
  const isPrivate = scopeOf(announced?.host ?? listens) === "private";
  return { announced, machineHost, allowPrivate: config.allowPrivate ?? isPrivate };
}
