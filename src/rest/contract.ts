/**
 * The operator's interface in one place: every endpoint with its method, path, who may call it,
 * what goes in and what comes out. Server, CLI, dashboard and OpenAPI are made from it, so they
 * can't drift apart. They import zod and nothing of
 * ours but each other.
 */
import { healthEndpoints } from "./health-endpoints.ts";
import { historyEndpoints } from "./history-endpoints.ts";
import { peerEndpoints } from "./peer-endpoints.ts";
import { queueEndpoints } from "./queue-endpoints.ts";
import { recordEndpoints } from "./record-endpoints.ts";
import { registerEndpoints } from "./register-endpoints.ts";
import { settingsEndpoints } from "./settings-endpoints.ts";
import { thresholdEndpoints } from "./threshold-endpoints.ts";
import { tokenEndpoints } from "./token-endpoints.ts";
import { topologyEndpoints } from "./topology-endpoints.ts";
import { upkeepEndpoints } from "./upkeep-endpoints.ts";
import { whyEndpoints } from "./why-endpoints.ts";

export const endpoints = {
  ...healthEndpoints,
  ...peerEndpoints,
  ...registerEndpoints,
  ...recordEndpoints,
  ...thresholdEndpoints,
  ...queueEndpoints,
  ...tokenEndpoints,
  ...topologyEndpoints,
  ...upkeepEndpoints,
  ...whyEndpoints,
  ...historyEndpoints,
  ...settingsEndpoints,
} as const;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
