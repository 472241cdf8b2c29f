import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { plainHost } from "../base/host.ts";

export interface Address {
  host: string;
  port: number;
}

/**
 * public    an address of the wide internet
 * private   one that only means something in our own network; loopback and link-local too
 * name      a host name: what it stands for is known once it is looked up
 * never     nothing one could dial: unspecified, multicast, broadcast, reserved
 */
export type AddressScope = "public" | "private" | "name" | "never";

/** `host:port` with brackets around an IPv6 address. */
export function addressText(address: Address): string {
  return isIPv6(address.host)
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** The address in `host:port`, or null when it is none. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const address = { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
  return isAddressUsable(address) ? address : null;
}

/** True for something one can dial: a host name or IP without odd characters, a port from 1 up. */
export function isAddressUsable(address: Address): boolean {
  if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65_535) return false;
  if (scopeOf(address.host) === "never") return false;
  if (isIPv6(address.host)) return true;
  return (
    address.host.length <= 253 && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(address.host)
  );
}

/** How far an address reaches; an IPv4 address in IPv6 clothes is the IPv4 address. */
export function scopeOf(host: string): AddressScope {
  const plain = plainHost(host);
  if (isIP(plain) === 0) return /^localhost\.?$/i.test(plain) ? "private" : "name";
  const family = isIPv4(plain) ? "ipv4" : "ipv6";
  if (undiallable.check(plain, family)) return "never";
  return inside.check(plain, family) ? "private" : "public";
}

/**
 * The part of the network that an address belongs to, as far as one owner may rule it: a /16 of
 * IPv4, a /32 of IPv6, the last two labels of a name. Whoever floods us has few of these.
 */
export function networkGroup(host: string): string {
  const plain = plainHost(host);
  if (isIPv4(plain)) return plain.split(".").slice(0, 2).join(".");
  if (isIPv6(plain)) return expand(plain).slice(0, 2).join(":");
  return plain.toLowerCase().replace(/\.$/, "").split(".").slice(-2).join(".");
}

/** The first two groups are all that is asked for, so a `::` further on does not matter. */
function expand(host: string): string[] {
  const groups = (host.split("::")[0] ?? "").split(":").filter((group) => group !== "");
  return [...groups, "0", "0"].map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
}

const inside = blocks([
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
]);

const undiallable = blocks([
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
  ["::", 128],
  ["ff00::", 8],
]);

function blocks(ranges: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of ranges) {
    list.addSubnet(net, prefix, isIPv4(net) ? "ipv4" : "ipv6");
  }
  return list;
}
