import { z } from "zod";
import { endpoint } from "./endpoint.ts";

const revokedSchema = z.object({ tokenId: z.string(), revokedUntil: z.string() });

/** Tokens that end before their time. */
export const tokenEndpoints = {
  revokeToken: endpoint({
    method: "POST",
    path: "/api/tokens/revoke",
    access: "manage-peers",
    summary: "Make a token count no longer, by its text or by its jti",
    body: z
      .strictObject({
        token: z.string().min(1).max(16_384).optional(),
        tokenId: z.string().min(1).max(255).optional(),
      })
      .refine(
        (body) => (body.token === undefined) !== (body.tokenId === undefined),
        "needs either token or tokenId",
      ),
    response: revokedSchema,
  }),
  revokeOwnToken: endpoint({
    method: "DELETE",
    path: "/api/tokens/own",
    access: "authenticated",
    summary: "Make the token of this very call count no longer",
    response: revokedSchema,
  }),
} as const;
