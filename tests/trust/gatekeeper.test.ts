import { describe, expect, test } from "bun:test";
import { SignJWT, UnsecuredJWT } from "jose";
import { identityOf } from "../../src/peers/identity.ts";
import { Gatekeeper, type Shown } from "../../src/trust/gatekeeper.ts";
import { nodeIdOfKey } from "../../src/trust/node-key.ts";
import { proofText } from "../../src/trust/proof.ts";
import { TokenGate } from "../../src/trust/tokens.ts";

const nowMs = Date.UTC(2026, 5, 1);
const rules = { issuer: "issuer", audience: "audience", clockSkewMs: 60_000, nowMs: () => nowMs };
const key = "a key that all nodes of a test share, 32 bytes at least";
const tokens = new TokenGate({ ...rules, key });
const good = { subject: "node-b", isService: true, isPeer: true, lifetimeMs: 60_000 };

function gate(mode: "mtls" | "token" | "open", isStillTrusted = true): Gatekeeper {
  return new Gatekeeper({
    mode,
    nodeId: "node-a",
    tokens,
    isStillTrusted: () => isStillTrusted,
    nowMs: () => nowMs,
  });
}

function shown(given: Partial<Shown>): Shown {
  return { claimedId: null, certificate: null, authorization: null, proof: null, ...given };
}

async function refusalOf(mode: "mtls" | "token" | "open", given: Partial<Shown>): Promise<string> {
  return gate(mode)
    .identify(shown(given))
    .then(
      () => "let in",
      (error) => `${error.kind} ${error.code}`,
    );
}

const header = async (claims: Partial<typeof good>) =>
  `Bearer ${await tokens.mint({ ...good, ...claims })}`;

async function handMade(options: {
  claims?: Record<string, unknown>;
  key?: string;
  alg?: string;
}): Promise<string> {
  const seconds = nowMs / 1_000;
  const claims = { sub: "node-b", token_type: "service", exp: seconds + 60, ...options.claims };
  const signed = new SignJWT({ iss: "issuer", aud: "audience", ...claims })
    .setProtectedHeader({ alg: options.alg ?? "HS256" })
    .sign(new TextEncoder().encode(options.key ?? key));
  return `Bearer ${await signed}`;
}

describe("Gatekeeper.identify in token mode (weakness 16, weakness 23)", () => {
  test("takes a service token and believes its subject", async () => {
    const known = await gate("token").identify(shown({ authorization: await header({}) }));
    expect(known).toEqual({ peerId: "node-b", provenId: "node-b", publicKey: null });
  });

  test("refuses a missing token", async () => {
    expect(await refusalOf("token", { claimedId: "node-b" })).toBe("unauthenticated no-token");
  });

  test("refuses another name than the token's", async () => {
    const authorization = await header({});
    expect(await refusalOf("token", { claimedId: "node-c", authorization })).toBe(
      "unauthenticated false-identity",
    );
  });

  test("refuses a user's token", async () => {
    const authorization = await header({ isService: false });
    expect(await refusalOf("token", { authorization })).toBe("unauthenticated needs-service-token");
  });
});

describe("Gatekeeper.identify refuses a bad token in every mode", () => {
  const bad: Record<string, () => Promise<string>> = {
    expired: () => handMade({ claims: { exp: nowMs / 1_000 - 120 } }),
    "of another key": () => handMade({ key: `${key} but another` }),
    "of another issuer": () => handMade({ claims: { iss: "else" } }),
    "for another audience": () => handMade({ claims: { aud: "else" } }),
    "without an end": () => handMade({ claims: { exp: undefined } }),
    "for refreshing (weakness 22)": () => handMade({ claims: { token_use: "refresh" } }),
    "signed by HS512": () => handMade({ alg: "HS512", key: key.repeat(2) }),
    "with alg none": async () => {
      const unsigned = new UnsecuredJWT({ token_type: "service" }).setSubject("node-b");
      unsigned.setIssuer("issuer").setAudience("audience");
      return `Bearer ${unsigned.setExpirationTime(nowMs / 1_000 + 60).encode()}`;
    },
    "that is none": async () => "Bearer nonsense",
    "in no known form": async () => "Basic YTpi",
    "sent twice": async () => "",
  };
  for (const [what, make] of Object.entries(bad)) {
    test(what, async () => {
      const authorization = await make();
      for (const mode of ["mtls", "token", "open"] as const) {
        expect(await refusalOf(mode, { claimedId: "node-b", authorization })).toStartWith(
          "unauthenticated bad-token",
        );
      }
    });
  }
});

describe("Gatekeeper.identify of signed calls", () => {
  const caller = identityOf("", new Uint8Array(32).fill(7));
  const callerId = nodeIdOfKey(caller.publicKey);
  const sign = (given: { callerId?: string; targetId?: string; issuedAtMs?: number }) =>
    proofText({ callerId, targetId: "node-a", issuedAtMs: nowMs, ...given }, caller);

  test("proves a name that is the key's own", async () => {
    const known = await gate("open").identify(shown({ claimedId: callerId, proof: sign({}) }));
    expect(known).toEqual({ peerId: callerId, provenId: callerId, publicKey: caller.publicKey });
  });

  test("proves the key, and not the name, where the name was chosen", async () => {
    const proof = sign({ callerId: "node-b" });
    const known = await gate("open").identify(shown({ claimedId: "node-b", proof }));
    expect(known).toEqual({ peerId: "node-b", provenId: null, publicKey: caller.publicKey });
  });

  test("refuses a signature that was meant for another node, or made for another name", async () => {
    for (const proof of [
      sign({ targetId: "node-c" }),
      sign({ callerId: "node-b" }),
      sign({}).replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
      "nonsense",
    ]) {
      expect(await refusalOf("open", { claimedId: callerId, proof })).toBe(
        "unauthenticated bad-proof",
      );
    }
  });

  test("draws nothing from an old one: clocks differ", async () => {
    const proof = sign({ issuedAtMs: nowMs - 6 * 60_000 });
    const known = await gate("open").identify(shown({ claimedId: callerId, proof }));
    expect(known).toEqual({ peerId: callerId, provenId: null, publicKey: null });
  });
});

describe("Gatekeeper.identify in open mode", () => {
  test("lets anybody in, and proves nothing", async () => {
    const known = { provenId: null, publicKey: null };
    expect(await gate("open").identify(shown({}))).toEqual({ peerId: null, ...known });
    const claiming = shown({ claimedId: "node-b" });
    expect(await gate("open").identify(claiming)).toEqual({ peerId: "node-b", ...known });
  });

  test("refuses a name that is none", async () => {
    expect(await refusalOf("open", { claimedId: "a b" })).toBe("unauthenticated false-identity");
  });
});
