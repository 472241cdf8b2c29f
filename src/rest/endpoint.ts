import type { z } from "zod";

/**
 * anonymous: public things · authenticated: any good token · service: a service's token ·
 * manage-peers: a service's, or an administrator's of an organisation.
 */
export type Access = "anonymous" | "authenticated" | "service" | "manage-peers";

export interface EndpointShape {
  method: "GET" | "POST" | "DELETE";
  /** Parameters in braces; each is described in `params`. */
  path: string;
  access: Access;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** A JSON body; unknown fields are refused. */
  body?: z.ZodType;
  /** No body at all is as good as an empty object. */
  isBodyOptional?: true;
  /** A body that is not one JSON document, by its content type. */
  rawBody?: "application/x-ndjson";
  /** A POST that creates: a repeated `Idempotency-Key` gets the first answer again. */
  takesIdempotencyKey?: true;
  /** Asked by machines all the time: answered without limits and whatever token comes along. */
  isProbe?: true;
  response: z.ZodType;
  /** Status of the usual answer; default 200. */
  status?: number;
  /** Content type of an answer that is not JSON. */
  responseType?: "application/octet-stream" | "text/event-stream" | "text/plain";
}

export type ParamsOf<E> = E extends { params: infer S extends z.ZodType } ? z.output<S> : undefined;
export type QueryOf<E> = E extends { query: infer S extends z.ZodType } ? z.output<S> : undefined;
export type BodyOf<E> = E extends { body: infer S extends z.ZodType } ? z.output<S> : undefined;
export type ReplyOf<E> = E extends { response: infer S extends z.ZodType } ? z.output<S> : never;

/** The shape as it is, its exact types kept. */
export function endpoint<const E extends EndpointShape>(shape: E): E {
  return shape;
}
