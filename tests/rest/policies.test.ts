import { afterAll, beforeAll, expect, test } from "bun:test";
import { SignJWT } from "jose";
import * as rest from "../../src/rest/app.ts";
import { type EndpointName, endpoints } from "../../src/rest/contract.ts";
import type { Access, EndpointShape } from "../../src/rest/endpoint.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import { jwt, Rest } from "./rest-of.ts";

/** in: the policy lets the caller through, whatever comes of the call · else the status. */
type Verdict = "in" | 401 | 403;

const accesses: Access[] = ["anonymous", "authenticated", "service", "manage-peers"];

/** Caller → verdicts in the order of `accesses`. */
const table: Record<string, [Verdict, Verdict, Verdict, Verdict]> = {
  anonymous: ["in", 401, 401, 401],
  user: ["in", "in", 403, 403],
  "organisation member": ["in", "in", 403, 403],
  administrator: ["in", "in", 403, "in"],
  "administrator of nothing": ["in", "in", 403, 403],
  service: ["in", "in", "in", "in"],
  peer: ["in", 403, 403, 403],
  expired: [401, 401, 401, 401],
  "not yet valid": [401, 401, 401, 401],
  "wrong issuer": [401, 401, 401, 401],
  "wrong audience": [401, 401, 401, 401],
  "wrong key": [401, 401, 401, 401],
  "alg none": [401, 401, 401, 401],
  "alg HS512": [401, 401, 401, 401],
  "without expiry": [401, 401, 401, 401],
  "refresh token": [401, 401, 401, 401],
  revoked: [401, 401, 401, 401],
};

let api: Rest;
let tokens: Record<string, string | null> = {};

beforeAll(async () => {
  api = await Rest.open({
    protection: { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 },
  });
  tokens = await mintAll();
});
afterAll(() => rest.close());

test("every endpoint lets in whom its policy names, and nobody else", async () => {
  const wrong: string[] = [];
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: EndpointShape = endpoints[name];
    for (const [caller, verdicts] of Object.entries(table)) {
      const expected = endpoint.isProbe ? "in" : verdicts[accesses.indexOf(endpoint.access)];
      const status = await statusOf(endpoint, tokens[caller] ?? null);
      const verdict = status === 401 || status === 403 ? status : "in";
      if (verdict !== expected) wrong.push(`${caller} at ${name}: ${status}, not ${expected}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(Object.keys(table).toSorted()).toEqual(Object.keys(tokens).toSorted());
});

async function statusOf(endpoint: EndpointShape, token: string | null): Promise<number> {
  const hangUp = new AbortController();
  const answer = await fetch(api.url + endpoint.path.replace(/\{\w+\}/g, "none"), {
    method: endpoint.method,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    signal: hangUp.signal,
  });
  hangUp.abort();
  // Callers revoke their own tokens on the way; the next endpoint needs them again.
  for (const tokenId of api.node.revoked) {
    if (tokenId !== "revoked") api.node.revoked.delete(tokenId);
  }
  return answer.status;
}

async function mintAll(): Promise<Record<string, string | null>> {
  const nowMs = systemClock.nowMs;
  const by = (changes: Partial<typeof jwt>) => new TokenGate({ ...jwt, ...changes, nowMs });
  const claims = { subject: "x", isService: true, lifetimeMs: 60_000 };
  const seconds = Math.floor(nowMs() / 1_000);
  const body = { iss: jwt.issuer, aud: jwt.audience, sub: "x", token_type: "service" };
  const lasting = { ...body, exp: seconds + 60 };
  const sign = (claimed: object, alg = "HS256") =>
    new SignJWT({ ...claimed }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(jwt.key));
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  api.node.revoked.add("revoked");
  return {
    anonymous: null,
    user: await api.mint({ isService: false }),
    "organisation member": await api.mint({ isService: false, orgId: "o", roles: ["Member"] }),
    administrator: await api.mint({ isService: false, orgId: "o", roles: ["Administrator"] }),
    "administrator of nothing": await api.mint({ isService: false, roles: ["Administrator"] }),
    service: await api.mint(),
    peer: await api.mint({ isPeer: true }),
    expired: await sign({ ...body, exp: seconds - 3_600 }),
    "not yet valid": await sign({ ...lasting, exp: seconds + 9_000, nbf: seconds + 3_600 }),
    "wrong issuer": await by({ issuer: "https://elsewhere.example" }).mint(claims),
    "wrong audience": await by({ audience: "https://elsewhere.example" }).mint(claims),
    "wrong key": await by({ key: "another key of at least thirty-two bytes" }).mint(claims),
    "alg none": `${base64({ alg: "none" })}.${base64(lasting)}.`,
    "alg HS512": await sign(lasting, "HS512"),
    "without expiry": await sign(body),
    "refresh token": await sign({ ...lasting, token_use: "refresh" }),
    revoked: await sign({ ...lasting, jti: "revoked" }),
  };
}
