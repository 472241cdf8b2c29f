import { errors, jwtVerify, SignJWT } from "jose";
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
}

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
  token_type: z.string().optional(),
  token_use: z.string().optional(),
  org_id: z.string().optional(),
  scope: z.union([z.string(), z.array(z.string())]).optional(),
  role: z.union([z.string(), z.array(z.string())]).optional(),
});

/**
 * Checks and mints bearer tokens with one symmetric key: HS256 and nothing else, issuer, audience
 * and expiry always checked. An ordinary value; REST, RPC and CLI make their own.
 */
export class TokenGate {
  readonly #key: Uint8Array;

  constructor(
    private readonly options: {
      /** The signing key's text; its UTF-8 bytes are the key. At least 32 of them. */
      key: string;
      issuer: string;
      audience: string;
      clockSkewMs: number;
      nowMs: () => number;
    },
  ) {
    this.#key = utf8(options.key);
    if (this.#key.length >= 32) return;
    throw new PeerError("configuration", "short-jwt-key", {
      message: `The token signing key has ${this.#key.length} bytes; it needs at least 32`,
    });
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
    const scopes = [claims.data.scope ?? []].flat().flatMap((text) => text.split(" "));
    return {
      isAnonymous: false,
      subject: claims.data.sub,
      isService: claims.data.token_type === "service",
      isPeer: scopes.includes(peerScope),
      orgId: claims.data.org_id ?? null,
      roles: [claims.data.role ?? []].flat(),
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
      .sign(this.#key);
  }

  async #verify(token: string): Promise<unknown> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["HS256"],
        issuer: this.options.issuer,
        audience: this.options.audience,
        clockTolerance: this.options.clockSkewMs / 1_000,
        currentDate: new Date(this.options.nowMs()),
        requiredClaims: ["sub", "exp"],
      });
      return payload;
    } catch (thrown) {
      if (thrown instanceof errors.JOSEError) throw refusal(reasonOf(thrown));
      throw thrown;
    }
  }
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
