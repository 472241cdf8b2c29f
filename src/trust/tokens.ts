import { errors, type JWTVerifyOptions, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";

/** Whom a token stands for. A caller without one is anonymous; one with a bad one is refused. */
export type Caller = { isAnonymous: true } | TokenHolder;

export interface TokenHolder {
  isAnonymous: false;
  subject: string;
  isService: boolean;
  /** The token is for the gRPC port: its holder is a peer, and no operator of this node. */
  isPeer: boolean;
  orgId: string | null;
  roles: readonly string[];
  /** What it is revoked by: its `jti`, or for one without a `jti` the hash of its text. */
  tokenId: string;
  expiresAtMs: number;
}

/** The claims of a token that keeps the rules, or false. */
export type TokenVerifier = (token: string, rules: JWTVerifyOptions) => Promise<unknown>;

export interface TokenClaims {
  subject: string;
  isService: boolean;
  isPeer?: boolean;
  orgId?: string;
  roles?: readonly string[];
  lifetimeMs: number;
}

/** The value of `scope` in a peer's token. */
const peerScope = "peer";

const claimsSchema = z.object({
  sub: z.string().min(1),
  exp: z.number(),
  iat: z.number().optional(),
  jti: z.string().min(1).max(255).optional(),
  token_type: z.string().optional(),
  token_use: z.string().optional(),
  org_id: z.string().optional(),
  scope: z.union([z.string(), z.array(z.string())]).optional(),
  role: z.union([z.string(), z.array(z.string())]).optional(),
});

/**
 * Checks and mints bearer tokens with symmetric keys: HS256 and nothing else, issuer, audience and
 * expiry always checked. An ordinary value; REST, RPC and CLI make their own.
 */
export class TokenGate {
  readonly #verifiers = new Map<string, TokenVerifier>();

  constructor(
    private readonly options: {
      /**
       * The signing key's text; its UTF-8 bytes are the key, at least 32 of them. Or all keys of
       * this moment: the first signs, each is accepted.
       */
      key: string | (() => readonly string[]);
      issuer: string;
      audience: string;
      clockSkewMs: number;
      nowMs: () => number;
      isRevoked?: (tokenId: string) => boolean;
      /** Who verifies with a key; jose itself unless told otherwise. */
      verifierOf?: (key: Uint8Array) => TokenVerifier;
    },
  ) {
    for (const key of this.#keys()) usable(key);
  }

  /** The caller of an `Authorization` header; null: no header. Throws `unauthenticated`. */
  async callerOf(header: string | null): Promise<Caller> {
    if (header === null) return { isAnonymous: true };
    const token = /^bearer +([^\s]+)$/i.exec(header.trim())?.[1];
    if (token === undefined)
      throw refusal("The Authorization header is not of the form Bearer TOKEN");
    const claims = claimsSchema.safeParse(await this.#verify(token));
    if (!claims.success) throw refusal("The token lacks a subject or has malformed claims");
    if (claims.data.token_use === "refresh") throw refusal("A refresh token gives no access here");
    const { iat = 0 } = claims.data;
    if (iat * 1_000 > this.options.nowMs() + this.options.clockSkewMs) {
      throw refusal("The token says that it was issued in the future");
    }
    const tokenId = claims.data.jti ?? `sha256:${await hashOf(token)}`;
    if (this.options.isRevoked?.(tokenId)) throw refusal("The token was revoked");
    const scopes = [claims.data.scope ?? []].flat().flatMap((text) => text.split(" "));
    return {
      isAnonymous: false,
      subject: claims.data.sub,
      isService: claims.data.token_type === "service",
      isPeer: scopes.includes(peerScope),
      orgId: claims.data.org_id ?? null,
      roles: [claims.data.role ?? []].flat(),
      tokenId,
      expiresAtMs: claims.data.exp * 1_000,
    };
  }

  mint(claims: TokenClaims): Promise<string> {
    const nowSeconds = Math.floor(this.options.nowMs() / 1_000);
    const body = {
      token_type: claims.isService ? "service" : "user",
      ...(claims.isService ? { service_name: claims.subject } : {}),
      ...(claims.isPeer ? { scope: peerScope } : {}),
      ...(claims.orgId === undefined ? {} : { org_id: claims.orgId }),
      ...(claims.roles === undefined ? {} : { role: claims.roles }),
    };
    return new SignJWT(body)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject(claims.subject)
      .setJti(crypto.randomUUID())
      .setIssuer(this.options.issuer)
      .setAudience(this.options.audience)
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + Math.ceil(claims.lifetimeMs / 1_000))
      .sign(usable(this.#keys()[0] ?? ""));
  }

  #keys(): readonly string[] {
    const { key } = this.options;
    return typeof key === "string" ? [key] : key();
  }

  async #verify(token: string): Promise<unknown> {
    const rules = {
      algorithms: ["HS256"],
      issuer: this.options.issuer,
      audience: this.options.audience,
      clockTolerance: this.options.clockSkewMs / 1_000,
      currentDate: new Date(this.options.nowMs()),
      requiredClaims: ["sub", "exp"],
    };
    const keys = this.#keys();
    for (const key of keys) {
      const payload = await this.#verifierOf(key)(token, rules);
      if (payload !== false) return payload;
    }
    throw refusal(await whyRefused(token, { keys, rules }));
  }

  #verifierOf(key: string): TokenVerifier {
    const known = this.#verifiers.get(key);
    if (known !== undefined) return known;
    if (this.#verifiers.size >= keysRemembered) this.#verifiers.clear();
    const made = (this.options.verifierOf ?? joseVerifier)(usable(key));
    this.#verifiers.set(key, made);
    return made;
  }
}

/** Keys that are in use together are few; those of the past are dropped with the rest. */
const keysRemembered = 16;

function joseVerifier(key: Uint8Array): TokenVerifier {
  return async (token, rules) => {
    try {
      return (await jwtVerify(token, key, rules)).payload;
    } catch (thrown) {
      if (thrown instanceof errors.JOSEError) return false;
      throw thrown;
    }
  };
}

/** In words, of a token that no key accepted: what the key that signed it says, if one did. */
async function whyRefused(
  token: string,
  checked: { keys: readonly string[]; rules: JWTVerifyOptions },
): Promise<string> {
  for (const key of checked.keys) {
    const thrown = await jwtVerify(token, utf8(key), checked.rules).catch((error) => error);
    const isOther = thrown instanceof errors.JWSSignatureVerificationFailed;
    if (thrown instanceof errors.JOSEError && !isOther) return reasonOf(thrown);
  }
  return "The token was not signed with this node's key";
}

function usable(key: string): Uint8Array {
  const bytes = utf8(key);
  if (bytes.length >= 32) return bytes;
  throw new PeerError("configuration", "short-jwt-key", {
    message: `The token signing key has ${bytes.length} bytes; it needs at least 32`,
  });
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(text) as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString("hex");
}

function refusal(message: string): PeerError {
  return new PeerError("unauthenticated", "bad-token", { message });
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "The token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `The token's claim ${error.claim} is not what this node expects`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "The token is not signed with HS256";
  return "The token was not signed with this node's key";
}
