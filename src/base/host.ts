import { isIP } from "node:net";

/**
 * The host of a connection's other end, as gRPC and sockets write it: `10.0.0.1:5001`,
 * `[::1]:5001`, `::1:5001`, `ipv4:10.0.0.1:5001`. IPv4 in IPv6 clothes is the IPv4 address.
 */
export function hostOfConnection(peer: string): string {
  const plain = peer.replace(/^(ipv4|ipv6|dns):/, "");
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(plain)?.[1];
  if (bracketed !== undefined) return plainHost(bracketed);
  const host = plain.replace(/:\d{1,5}$/, "");
  return plainHost(isIP(plainHost(host)) !== 0 || !host.includes(":") ? host : plain);
}

/** What shares a limit: an IPv4 address, or the network that one IPv6 customer has to himself. */
export function limitedAs(host: string): string {
  if (isIP(host) !== 6) return host;
  const [head = "", tail = ""] = host.split("::");
  const front = head.split(":").filter((group) => group !== "");
  const back = tail.split(":").filter((group) => group !== "");
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0");
  const groups = [...front, ...zeros, ...back].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** `::ffff:10.0.0.1` → `10.0.0.1`. */
export function plainHost(host: string): string {
  return host.replace(/^::ffff:(?=\d+\.)/i, "");
}
