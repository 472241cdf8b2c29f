import { z } from "zod";
import { endpoint } from "./endpoint.ts";

/** What the node was told. */
export const settingsEndpoints = {
  listSettings: endpoint({
    method: "GET",
    path: "/api/config",
    access: "authenticated",
    summary: "The settings in force and where each comes from; secrets are masked",
    response: z.array(
      z.object({
        key: z.string(),
        /** Null: not set, and there is no default. */
        value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable(),
        source: z.enum(["flag", "environment", "file", "default"]),
        /** Name in the environment. */
        variable: z.string(),
        description: z.string(),
      }),
    ),
  }),
} as const;
