import { afterAll, describe, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import { jwt, Rest } from "./rest-of.ts";

afterAll(() => rest.close());

describe("POST /api/tokens/revoke", () => {
  test("a revoked token counts no longer, others of its subject do", async () => {
    const api = await Rest.open();
    const [service, user, other] = [
      await api.mint(),
      await api.mint({ isService: false }),
      await api.mint({ isService: false }),
    ];
    expect((await api.get("/api/registers", { token: user })).status).toBe(200);
    const revoked = await api.post("/api/tokens/revoke", { token: service, body: { token: user } });
    expect(revoked).toMatchObject({ status: 200, body: { tokenId: expect.any(String) } });
    expect(await api.get("/api/registers", { token: user })).toMatchObject({
      status: 401,
      body: { code: "bad-token", error: "The token was revoked" },
    });
    expect((await api.get("/api/registers", { token: other })).status).toBe(200);
  });

  test("users revoke nobody else's token, but their own", async () => {
    const api = await Rest.open();
    const user = await api.mint({ isService: false });
    expect(
      await api.post("/api/tokens/revoke", { token: user, body: { tokenId: "another" } }),
    ).toMatchObject({ status: 403 });
    const own = await api.send("/api/tokens/own", { method: "DELETE", token: user });
    expect(own.status).toBe(200);
    expect((await api.get("/api/registers", { token: user })).status).toBe(401);
  });

  test("what is no token, and what is both or neither, is told", async () => {
    const api = await Rest.open();
    const token = await api.mint();
    const answer = (body: unknown) => api.post("/api/tokens/revoke", { token, body });
    expect(await answer({ token: "a.b.c" })).toMatchObject({
      status: 422,
      body: { code: "nothing-to-revoke" },
    });
    expect(await answer({})).toMatchObject({ status: 422, body: { code: "schema" } });
    expect(await answer({ token: "x", tokenId: "y" })).toMatchObject({ status: 422 });
  });
});

describe("bearerGate", () => {
  test("several keys count at once, and what they are may change", async () => {
    const older = "an older key of at least thirty-two bytes";
    let keys = [jwt.key, older];
    const api = await Rest.open({ jwt: { ...jwt, key: () => keys } });
    const old = await new TokenGate({ ...jwt, key: older, nowMs: systemClock.nowMs }).mint({
      subject: "x",
      isService: true,
      lifetimeMs: 60_000,
    });
    expect((await api.get("/api/registers", { token: old })).status).toBe(200);
    keys = [jwt.key];
    expect((await api.get("/api/registers", { token: old })).status).toBe(401);
    expect((await api.get("/api/registers", { token: await api.mint() })).status).toBe(200);
  });

  test("a refusal says what is wrong with a token that one of the keys signed", async () => {
    const older = "an older key of at least thirty-two bytes";
    const api = await Rest.open({ jwt: { ...jwt, key: () => [older, jwt.key] } });
    const expired = await api.mint({ lifetimeMs: -3_600_000 });
    expect(await api.get("/api/registers", { token: expired })).toMatchObject({
      status: 401,
      body: { error: "The token has expired" },
    });
  });
});
