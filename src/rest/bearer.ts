import { jwt } from "@elysiajs/jwt";
import { TokenGate, type TokenVerifier } from "../trust/tokens.ts";

export interface BearerOptions {
  /** One key, or those of this moment: the first signs, each is accepted. */
  key: string | (() => readonly string[]);
  issuer: string;
  audience: string;
  clockSkewMs: number;
  isRevoked?: (tokenId: string) => boolean;
}

/**
 * REST's gate: every token is checked by `@elysiajs/jwt`, with an instance of the plugin for each
 * key that counts, so that keys can be changed while the node runs. The rules of `TokenGate` are
 * handed to the plugin with every call; none is left to its defaults.
 */
export function bearerGate(options: BearerOptions & { nowMs: () => number }): TokenGate {
  return new TokenGate({ ...options, verifierOf: pluginVerifier });
}

function pluginVerifier(key: Uint8Array): TokenVerifier {
  const plugin = jwt({ name: "jwt", secret: key, alg: "HS256" });
  return (token, rules) => plugin.decorator.jwt.verify(token, rules);
}
