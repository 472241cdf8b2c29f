import { isIPv6 } from "node:net";

export interface Address {
  host: string;
  port: number;
}

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
  if (address.host === "0.0.0.0" || address.host === "::") return false;
  if (isIPv6(address.host)) return true;
  return (
    address.host.length <= 253 && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(address.host)
  );
}

/** The host of a gRPC peer string such as `ipv4:127.0.0.1:5001`, `127.0.0.1:5001` or `[::1]:5001`. */
export function hostOfGrpcPeer(peer: string): string {
  const plain = peer.replace(/^(ipv4|ipv6|dns):/, "");
  return parseAddress(plain)?.host ?? plain;
}
