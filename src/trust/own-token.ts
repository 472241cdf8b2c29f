import { messageOf, PeerError } from "../base/error.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { readSecret } from "../runtime/data-dir.ts";
import type { Log } from "../runtime/log.ts";
import type { TokenGate } from "./tokens.ts";

/**
 * The token that this node shows to peers: the one in a file, read again as it is replaced, or one
 * that it mints itself and renews long before it ends.
 */
export class OwnToken {
  readonly #renewal: { stop: () => Promise<void> };
  #token: string;

  private constructor(token: string, options: OwnTokenOptions) {
    this.#token = token;
    const renew = async () => {
      try {
        this.#token = await newToken(options);
      } catch (thrown) {
        options.log.error({ reason: messageOf(thrown) }, "The token for peers was not renewed");
      }
    };
    const periodMs = options.file === null ? lifetimeMs / 4 : fileCheckMs;
    this.#renewal = every(periodMs, { clock: options.clock, tick: renew });
  }

  static async open(options: OwnTokenOptions): Promise<OwnToken> {
    return new OwnToken(await newToken(options), options);
  }

  current(): string {
    return this.#token;
  }

  close(): Promise<void> {
    return this.#renewal.stop();
  }
}

interface OwnTokenOptions {
  nodeId: string;
  file: string | null;
  tokens: Pick<TokenGate, "mint">;
  clock: Clock;
  log: Log;
}

/** Short, since whoever is shown a token could show it on. */
const lifetimeMs = 10 * 60_000;
const fileCheckMs = 2_000;

async function newToken(options: OwnTokenOptions): Promise<string> {
  const { file, nodeId, tokens } = options;
  if (file === null) {
    return tokens.mint({ subject: nodeId, isService: true, isPeer: true, lifetimeMs });
  }
  const token = (await readSecret(file))?.trim() ?? "";
  if (/^[\w.-]+$/.test(token)) return token;
  throw new PeerError("configuration", "no-peer-token", {
    message: `The file ${file} holds no token to show to peers`,
  });
}
