import { lookup } from "node:dns/promises";
import { scopeOf } from "./address.ts";

/** A name is looked up first: strangers must not make us knock at doors inside our own network. */
export async function mayDial(host: string, options: { allowPrivate: boolean }): Promise<boolean> {
  if (options.allowPrivate) return true;
  if (scopeOf(host) !== "name") return scopeOf(host) === "public";
  const found = await lookup(host, { all: true });
  return found.length > 0 && found.every(({ address }) => scopeOf(address) === "public");
}
