import { parseAddress } from "./address.ts";
import { mesh } from "./network.ts";

/** Reaches seeds that were named while the node runs, as those that were named at its start. */
export function reachNewSeeds(seeds: readonly string[]): void {
  for (const seed of seeds) {
    const address = parseAddress(seed);
    if (address !== null) mesh().addSeed(address);
  }
}
