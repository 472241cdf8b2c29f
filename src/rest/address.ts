import { BlockList, isIP } from "node:net";

/**
 * Whose request it is, by its address: the one that connected or, where that is a proxy of ours,
 * the last one in `X-Forwarded-For` that is none. What nobody trusted has written is not believed.
 */
export class CallerAddresses {
  readonly #proxies = new BlockList();

  /** `trustedProxies`: addresses and CIDR ranges. */
  constructor(trustedProxies: readonly string[]) {
    for (const proxy of trustedProxies) {
      const [address = "", prefix] = proxy.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (prefix === undefined) this.#proxies.addAddress(address, family);
      else this.#proxies.addSubnet(address, Number(prefix), family);
    }
  }

  of(connected: string | null, forwardedFor: string | null): string {
    let address = plain(connected ?? "");
    const told = (forwardedFor ?? "").split(",").map((one) => plain(one.trim()));
    while (this.#isProxy(address)) {
      const before = told.pop() ?? "";
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  }

  #isProxy(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#proxies.check(address, version === 6 ? "ipv6" : "ipv4");
  }
}

/** What shares a limit: an IPv4 address, or the network that one IPv6 customer has to himself. */
export function limitedAs(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail = ""] = address.split("::");
  const front = head.split(":").filter((group) => group !== "");
  const back = tail.split(":").filter((group) => group !== "");
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0");
  const groups = [...front, ...zeros, ...back].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** `::ffff:10.0.0.1` → `10.0.0.1`, `[::1]` → `::1`. */
function plain(address: string): string {
  return address.replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:(?=\d+\.)/i, "");
}
