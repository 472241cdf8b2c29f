import * as network from "../peers/network.ts";
import { registerOf } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Road } from "./road.ts";

/**
 * The road, which also tells the mesh what it took in: of a new register at once, of new heights
 * soon, but not with every docket of a busy register.
 */
export function tellingRoad(road: Road, clock: Clock): Road {
  let isTellingSoon = false;
  const tellOnce = async () => {
    if (isTellingSoon) return;
    isTellingSoon = true;
    await clock.sleep(tellHeightsMs);
    isTellingSoon = false;
    network.tellSoon();
  };
  return {
    ...road,
    takeIn: async (page) => {
      const isNew = registerOf(page.registerId) === null;
      const taken = await road.takeIn(page);
      if (taken.ok && isNew) network.tellSoon();
      else if (taken.ok) void tellOnce();
      return taken;
    },
  };
}

const tellHeightsMs = 1_000;
