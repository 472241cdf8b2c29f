import { describe, expect, test } from "bun:test";
import { Metadata, status } from "@grpc/grpc-js";
import { type ErrorKind, PeerError } from "../../src/base/error.ts";
import {
  errorOfCall,
  notImplemented,
  type RefusalName,
  refusalOf,
  refuse,
  statusOf,
} from "../../src/wire/status.ts";

const kinds: [ErrorKind, status, ErrorKind][] = [
  ["invalid", status.INVALID_ARGUMENT, "invalid"],
  ["unprocessable", status.INVALID_ARGUMENT, "invalid"],
  ["too-large", status.RESOURCE_EXHAUSTED, "exhausted"],
  ["unauthenticated", status.UNAUTHENTICATED, "unauthenticated"],
  ["forbidden", status.PERMISSION_DENIED, "forbidden"],
  ["not-found", status.NOT_FOUND, "not-found"],
  ["conflict", status.FAILED_PRECONDITION, "conflict"],
  ["exhausted", status.RESOURCE_EXHAUSTED, "exhausted"],
  ["unavailable", status.UNAVAILABLE, "network"],
  ["network", status.UNAVAILABLE, "network"],
  ["configuration", status.FAILED_PRECONDITION, "conflict"],
  ["internal", status.INTERNAL, "network"],
];

describe("statusOf and errorOfCall", () => {
  test.each(kinds)("carry %s as status %d, which arrives as %s", (kind, code, arrived) => {
    const told = statusOf(new PeerError(kind, "some-code", { message: "Why" }), plain);
    expect(told.code).toBe(code);
    expect(told.isOurFault).toBe(kind === "internal");
    expect(arrive(told)).toMatchObject({ kind: arrived, code: "some-code" });
  });

  const refusals: RefusalName[] = ["NOT_YET", "PRUNED", "NOT_SUBSCRIBED", "FORBIDDEN", "BUSY"];
  test.each(refusals)("carry the refusal %s with its wait", (name) => {
    const told = statusOf(refuse(name, { message: "No", retryAfterMs: 30 }), plain);
    expect(refusalOf(arrive(told))).toEqual({ name, retryAfterMs: 30 });
    expect(refusalOf(arrive(statusOf(refuse(name, { message: "No" }), plain)))).toEqual({
      name,
      retryAfterMs: null,
    });
  });

  test("hide causes, except in development", () => {
    const thrown = new Error("secret row");
    expect(statusOf(thrown, plain).details).not.toContain("secret");
    expect(statusOf(thrown, { showDetails: true }).details).toContain("secret row");
  });

  test("say that something is not built", () => {
    expect(statusOf(notImplemented("It"), plain).code).toBe(status.UNIMPLEMENTED);
  });

  test("believe no foreign trailer, no wait beyond ten minutes, no long sentence", () => {
    const metadata = new Metadata();
    metadata.set("sorcha-code", "<script>");
    metadata.set("sorcha-refusal", "constructor");
    metadata.set("retry-after-ms", "99999999999");
    const failed = arrive({ code: status.UNAVAILABLE, details: "x".repeat(10_000), metadata });
    expect(failed.code).toBe("unreachable");
    expect(refusalOf(failed)).toBeNull();
    expect(failed.facts).toMatchObject({ retryAfterMs: 600_000 });
    expect(failed.message.length).toBeLessThan(400);
  });
});

const plain = { showDetails: false };

function arrive(told: { code: status; details: string; metadata: Metadata }): PeerError {
  return errorOfCall(Object.assign(new Error(told.details), told), { address: "127.0.0.1:1" });
}
