import { messageOf } from "../base/error.ts";
import { logFor } from "../runtime/log.ts";
import { addressText, parseAddress } from "./address.ts";
import { book } from "./book.ts";
import { mesh } from "./network.ts";

const log = logFor("peers");

/** Reaches seeds that were named while the node runs, each once and none waited for. */
export function reachNewSeeds(seeds: readonly string[]): void {
  const known = new Set(book().list().map(addressText));
  for (const seed of seeds) {
    const address = parseAddress(seed);
    if (address === null || known.has(addressText(address))) continue;
    mesh()
      .reach(address)
      .then((peer) => {
        peer.isSeed = true;
      })
      .catch((thrown) => log.warn({ seed, reason: messageOf(thrown) }, "Seed not reached"));
  }
}
