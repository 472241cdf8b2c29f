import { z } from "zod";
import { PeerError } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import { readSecret, writeSecret } from "../runtime/data-dir.ts";

/** Within the data directory: the tokens that no longer count, until they would have expired. */
export const revocationsFile = "revoked.json";

const rowsSchema = z.array(z.object({ tokenId: z.string(), untilMs: z.number() }));

/**
 * Tokens taken back before their time. A file and not a table, so that a token can be taken back
 * while the database is away. Each is kept until the token has expired by itself.
 */
export class Revocations {
  readonly #until: Map<string, number>;
  readonly #writing = new Mutex();

  private constructor(
    rows: z.infer<typeof rowsSchema>,
    private readonly options: RevocationsOptions,
  ) {
    this.#until = new Map(rows.map((row) => [row.tokenId, row.untilMs]));
  }

  /** Throws `configuration` for a file that can't be read: a lost list would revive tokens. */
  static async open(options: RevocationsOptions): Promise<Revocations> {
    const text = await readSecret(options.file);
    return new Revocations(text === null ? [] : readRows(text, options.file), options);
  }

  isRevoked(tokenId: string): boolean {
    return this.#until.has(tokenId);
  }

  get size(): number {
    return this.#until.size;
  }

  /** Resolves when it is on disk. `untilMs`: when the token expires. Throws `exhausted`. */
  revoke(tokenId: string, untilMs: number): Promise<void> {
    return this.#writing.run(async () => {
      this.#forgetExpired();
      if (!this.#until.has(tokenId) && this.#until.size >= this.options.countMax) {
        throw new PeerError("exhausted", "revocations-full", {
          message: `${this.#until.size} tokens are revoked already; change the signing key instead`,
        });
      }
      this.#until.set(tokenId, Math.max(untilMs, this.#until.get(tokenId) ?? 0));
      const rows = [...this.#until].map(([id, until]) => ({ tokenId: id, untilMs: until }));
      await writeSecret(this.options.file, JSON.stringify(rows));
    });
  }

  #forgetExpired(): void {
    const nowMs = this.options.nowMs();
    for (const [tokenId, untilMs] of this.#until) {
      if (untilMs < nowMs) this.#until.delete(tokenId);
    }
  }
}

interface RevocationsOptions {
  file: string;
  countMax: number;
  nowMs: () => number;
}

function readRows(text: string, file: string): z.infer<typeof rowsSchema> {
  try {
    return rowsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PeerError("configuration", "bad-revocations", {
      message: `The list of revoked tokens ${file} is damaged: restore it, or change the signing key`,
      cause,
    });
  }
}
