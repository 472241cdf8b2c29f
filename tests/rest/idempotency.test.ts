import { expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import { type Attempt, IdempotentAnswers } from "../../src/rest/idempotency.ts";
import { storedAnswers } from "../../src/rest/stored-answers.ts";
import { limits } from "../../src/runtime/limits.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";

onEachStore("answers to keyed requests", () => {
  let nowMs = 1_000_000_000_000;
  let made = 0;
  const newRequest = (bodyHash = "b") => {
    made += 1;
    return { requestId: `request ${made}`, callerId: "one", bodyHash };
  };
  /** As a node that was just started has them. */
  const fresh = () => new IdempotentAnswers(storedAnswers(), () => nowMs);

  test("outlast a restart; another body is refused", async () => {
    const request = newRequest();
    const work = async () => ({ body: { a: 'ż"\u0000' }, status: 201 });
    const first = await fresh().run(request, work);
    const again = await fresh().run(request, async () => ({ body: "done twice" }) as never);
    expect<unknown>(again).toEqual({ ...first, isRepeated: true });
    expect(await errorOf(fresh().run({ ...request, bodyHash: "c" }, work))).toMatchObject({
      kind: "unprocessable",
      code: "idempotency-key-reused",
    });
  });

  test("an attempt that broke off is made again with its seed; a refusal is forgotten", async () => {
    const request = newRequest();
    const attempts: Attempt[] = [];
    const run = (thrown: Error | null) =>
      fresh().run(request, async (attempt) => {
        attempts.push(attempt);
        if (thrown !== null) throw thrown;
        return { body: 1 };
      });
    const gone = new PeerError("unavailable", "database-away", { message: "The database is away" });
    expect(await errorOf(run(gone))).toBe(gone);
    await run(null);
    expect(attempts.map((one) => one.isRetry)).toEqual([false, true]);
    expect(attempts[1]?.seed).toBe(attempts[0]?.seed ?? "");
    expect(attempts[0]?.seed).toMatch(/^[0-9a-f]{32}$/);

    const refused = newRequest();
    const no = new PeerError("not-found", "unknown-register", { message: "There is none" });
    await errorOf(fresh().run(refused, () => Promise.reject(no)));
    const other = await fresh().run({ ...refused, bodyHash: "mended" }, async () => ({ body: 2 }));
    expect(other).toEqual({ reply: { body: 2 }, isRepeated: false });
  });

  test("are bounded in age, size and count", async () => {
    const request = newRequest();
    const run = () => fresh().run(request, async () => ({ body: { made } }));
    await run();
    nowMs += limits.idempotencyMs;
    expect((await run()).isRepeated).toBe(true);
    nowMs += 1;
    expect((await run()).isRepeated).toBe(false);

    const large = newRequest();
    const body = "x".repeat(limits.idempotencyAnswerLength);
    const seeds: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      await fresh().run(large, async ({ seed }) => {
        seeds.push(seed);
        return { body };
      });
    }
    expect(new Set(seeds).size).toBe(1);

    await sql()`
      INSERT INTO keyed_answers (request_id, body_hash, seed, at_ms)
      SELECT 'old ' || n, '', '', ${nowMs}::bigint - n
        FROM generate_series(1, ${limits.idempotencyKeys}) AS n`;
    await fresh().run(newRequest(), async () => ({ body: 1 }));
    const [row] = await sql()<{ count: number }[]>`SELECT count(*) FROM keyed_answers`;
    expect(Number(row?.count)).toBeLessThanOrEqual(limits.idempotencyKeys);
    expect((await run()).isRepeated).toBe(true);
  });

  test("are shared: a caller's many push out their own, and nobody else's few", async () => {
    const few = Array.from({ length: 3 }, () => ({ ...newRequest(), callerId: "quiet" }));
    const repeat = (request: (typeof few)[number]) =>
      fresh().run(request, async () => ({ body: "quiet" }));
    for (const request of few) await repeat(request);
    nowMs += 1_000;
    await sql()`
      INSERT INTO keyed_answers (request_id, caller_id, body_hash, seed, at_ms)
      SELECT 'loud ' || n, 'loud', '', '', ${nowMs}::bigint + n
        FROM generate_series(1, 2 * ${limits.idempotencyKeys}) AS n`;
    await fresh().run({ ...newRequest(), callerId: "loud" }, async () => ({ body: 1 }));
    const rows = await sql()<{ caller_id: string; count: number }[]>`
      SELECT caller_id, count(*) FROM keyed_answers GROUP BY caller_id`;
    const total = rows.reduce((sum, row) => sum + Number(row.count), 0);
    expect(total).toBeLessThanOrEqual(limits.idempotencyKeys);
    for (const request of few) expect((await repeat(request)).isRepeated).toBe(true);
  });
});
