import { afterAll, beforeAll, expect, test } from "bun:test";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import * as rest from "../../src/rest/app.ts";
import { type EndpointName, endpoints } from "../../src/rest/contract.ts";
import type { Access, EndpointShape } from "../../src/rest/endpoint.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import { jwt, Rest } from "./rest-of.ts";

/** in: the policy lets the caller through, whatever comes of the call · else the status. */
type Verdict = "in" | 401 | 403;

const accesses: Access[] = ["anonymous", "authenticated", "service", "manage-peers"];

/** What may be done by whom, as the design says it: an endpoint that is not in here fails. */
const policies: Record<Access, string> = {
  anonymous: `live ready health alive healthReport metrics
    listPeers peerQuality peerStats peerHealth connectedPeers getPeer
    listRegisters cachedRegisters availableRegisters listSubscriptions getRegister
    listDockets getDocket getTransaction transactionStatus pages auditState thresholdState
    listEvidence topology events history`,
  authenticated: `whyPeer whyRegister subscribe unsubscribe purgeCache pauseRegister
    resumeRegister listSettings pastEvents revokeOwnToken`,
  service: `advertise bulkAdvertise createRegister changePolicy submitTransaction importRecords
    handInDocket initThreshold reshareThreshold listQueue retryQueued dropQueued`,
  "manage-peers": `addPeer removePeer connectPeer banPeer unbanPeer resetPeer audit repair
    revokeToken`,
};

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
  "alg NONE": [401, 401, 401, 401],
  "alg RS256": [401, 401, 401, 401],
  "alg HS256 by a public key": [401, 401, 401, 401],
  "with a key of its own": [401, 401, 401, 401],
  "kid of an empty file": [401, 401, 401, 401],
  "an extension that must be understood": [401, 401, 401, 401],
  "issued in the future": [401, 401, 401, 401],
  "without subject": [401, 401, 401, 401],
  "four parts": [401, 401, 401, 401],
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

test("every operation of the OpenAPI document has the policy that the design gives it", async () => {
  const { body } = await api.get("/openapi/v1.json");
  const operations = Object.values(body.paths).flatMap((path) => Object.values(path as object));
  const told = operations.map((one) => `${one.operationId}: ${one["x-access"]}`);
  const expected = Object.entries(policies).flatMap(([access, names]) =>
    names.split(/\s+/).map((name) => `${name}: ${access}`),
  );
  expect(told.toSorted()).toEqual(expected.toSorted());
});

test("a token counts in the Authorization header alone, once, and within bounds", async () => {
  const token = await api.mint();
  const inQuery = ["token", "access_token", "authorization"].map((name) => `${name}=${token}`);
  for (const query of inQuery) expect((await api.get(`/api/config?${query}`)).status).toBe(401);
  const cookie = { cookie: `auth=${token}; token=${token}` };
  expect((await api.get("/api/config", { headers: cookie })).status).toBe(401);
  for (const authorization of [token, `Basic ${token}`, `Bearer ${token} ${token}`, "Bearer"]) {
    const answer = await api.get("/api/config", { headers: { authorization } });
    expect(answer).toMatchObject({ status: 401, body: { code: "bad-token" } });
  }
  const huge = await api.get("/api/config", { token: `${token}${"A".repeat(12_000)}` });
  expect(huge).toMatchObject({ status: 401, body: { code: "bad-token" } });
});

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
  const rsa = await generateKeyPair("RS256");
  const pem = await exportSPKI(rsa.publicKey);
  const signAs = (header: object, key: string | CryptoKey) =>
    new SignJWT({ ...lasting })
      .setProtectedHeader({ alg: "HS256", ...header })
      .sign(typeof key === "string" ? new TextEncoder().encode(key) : key);
  const own = "a key that the caller brings along itself";
  const jwk = { kty: "oct", k: Buffer.from(own).toString("base64url") };
  const crit = { crit: ["exp-sure"], "exp-sure": true };
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
    "alg NONE": `${base64({ alg: "NONE" })}.${base64(lasting)}.`,
    "alg RS256": await signAs({ alg: "RS256" }, rsa.privateKey),
    "alg HS256 by a public key": await signAs({}, pem),
    "with a key of its own": await signAs({ jwk, jku: "http://127.0.0.1/keys" }, own),
    "kid of an empty file": await signAs({ kid: "../../../dev/null" }, "\0".repeat(32)),
    "an extension that must be understood": await signedBare({ alg: "HS256", ...crit }, lasting),
    "issued in the future": await sign({ ...lasting, iat: seconds + 3_600, exp: seconds + 9_000 }),
    "without subject": await sign({ ...lasting, sub: undefined }),
    "four parts": `${await sign(lasting)}.e30`,
    "without expiry": await sign(body),
    "refresh token": await sign({ ...lasting, token_use: "refresh" }),
    revoked: await sign({ ...lasting, jti: "revoked" }),
  };
}

/** By hand: a library that signs would refuse such a header. */
async function signedBare(header: object, claims: object): Promise<string> {
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${base64(header)}.${base64(claims)}`;
  const mac = new Bun.CryptoHasher("sha256", jwt.key).update(text).digest("base64url");
  return `${text}.${mac}`;
}
