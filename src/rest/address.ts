import { BlockList, isIP } from "node:net";
import { plainHost } from "../base/host.ts";

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

/** `::ffff:10.0.0.1` → `10.0.0.1`, `[::1]` → `::1`. */
function plain(address: string): string {
  return plainHost(address.replace(/^\[(.*)\]$/, "$1"));
}
