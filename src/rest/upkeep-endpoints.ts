import { endpoint } from "./endpoint.ts";
import { registerParams, upkeepSchema } from "./schemas.ts";

/** Whether what is stored is still what was verified, and what brings it back. */
export const upkeepEndpoints = {
  auditState: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/audit",
    access: "anonymous",
    summary: "How an audit or a repair gets on, when the last audit was, and what is damaged",
    params: registerParams,
    response: upkeepSchema,
  }),
  audit: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/audit",
    access: "manage-peers",
    summary: "Verify again all that is stored of a register",
    params: registerParams,
    response: upkeepSchema,
    status: 202,
  }),
  repair: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/repair",
    access: "manage-peers",
    summary: "Audit, and fetch from other peers what is damaged",
    params: registerParams,
    response: upkeepSchema,
    status: 202,
  }),
} as const;
