import { z } from "zod";
import { endpoints } from "./contract.ts";
import type { EndpointShape } from "./endpoint.ts";
import { errorSchema } from "./schemas.ts";

type Json = Record<string, unknown>;

const errorNames: Record<string, string> = {
  "400": "Malformed",
  "401": "No token, or one that is not accepted",
  "403": "The token does not allow it",
  "404": "Nothing by that name",
  "408": "The body came too slowly",
  "409": "Contradicts what is stored",
  "413": "Too large",
  "422": "Well-formed, but breaks a rule",
  "429": "A limit is reached; Retry-After says when to come again",
  "503": "Not able to answer now",
};

/** The contract as an OpenAPI 3.1 document. */
export function describeApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, endpoint] of Object.entries(endpoints)) {
    const path = paths[endpoint.path] ?? {};
    path[endpoint.method.toLowerCase()] = describe(name, endpoint);
    paths[endpoint.path] = path;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "sorcha-peer",
      version,
      description: "Registers, dockets and peers of one node",
    },
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Error: jsonSchema(errorSchema, "output") },
    },
  };
}

function describe(name: string, endpoint: EndpointShape): Json {
  return {
    operationId: name,
    tags: [tagOf(endpoint.path)],
    summary: endpoint.summary,
    "x-access": endpoint.access,
    ...(endpoint.access === "anonymous" ? {} : { security: [{ bearer: [] }] }),
    parameters: [
      ...parameters(endpoint.params, "path"),
      ...parameters(endpoint.query, "query"),
      ...(endpoint.takesIdempotencyKey ? [idempotencyKey] : []),
    ],
    ...requestBody(endpoint),
    responses: { [String(endpoint.status ?? 200)]: success(endpoint), ...failures() },
  };
}

/** What an operation is found under on a page. */
function tagOf(path: string): string {
  const [, api, group = ""] = path.split("/");
  if (api !== "api" || group === "health") return "Health";
  if (group === "topology" || group === "events") return "Mesh";
  return group.charAt(0).toUpperCase() + group.slice(1);
}

const idempotencyKey: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "A request repeated within a day, with the same body, gets the first one's answer",
  schema: { type: "string", minLength: 1, maxLength: 255 },
};

function parameters(schema: z.ZodObject | undefined, place: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const described = jsonSchema(schema, "input") as { properties?: Json; required?: string[] };
  return Object.entries(described.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path",
    schema: property,
  }));
}

function requestBody(endpoint: EndpointShape): Json {
  if (endpoint.rawBody !== undefined) {
    const content = { [endpoint.rawBody]: { schema: { type: "string" } } };
    return { requestBody: { required: true, content } };
  }
  if (endpoint.body === undefined) return {};
  const content = { "application/json": { schema: jsonSchema(endpoint.body, "input") } };
  return { requestBody: { required: true, content } };
}

function success(endpoint: EndpointShape): Json {
  const type = endpoint.responseType ?? "application/json";
  const isBinary = type !== "application/json" && type !== "text/plain";
  const schema = isBinary
    ? { type: "string", format: "binary" }
    : jsonSchema(endpoint.response, "output");
  return { description: endpoint.summary, content: { [type]: { schema } } };
}

function failures(): Json {
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  const entries = Object.entries(errorNames);
  return Object.fromEntries(
    entries.map(([status, description]) => [status, { description, content }]),
  );
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
