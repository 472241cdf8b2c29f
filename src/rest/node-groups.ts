import { threshold } from "../sealing/threshold/threshold.ts";
import type { GroupDesk } from "./source.ts";

/** What REST asks about keys of groups, answered by the real node. */
export const nodeGroups: GroupDesk = {
  status: (registerId) => threshold().status(registerId),
  init: (registerId, wanted) => threshold().init(registerId, wanted),
  reshare: (registerId, wanted) => threshold().reshare(registerId, wanted),
};
