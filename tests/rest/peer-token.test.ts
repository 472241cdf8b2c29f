import { afterAll, beforeAll, expect, test } from "bun:test";
import * as app from "../../src/rest/app.ts";
import type { HeldRegister } from "../../src/rest/source.ts";
import { isVisible } from "../../src/rest/visible.ts";
import { Rest } from "./rest-of.ts";

let rest: Rest;
beforeAll(async () => {
  rest = await Rest.open();
});
afterAll(() => app.close());

test("A peer's token gives no rights of an operator", async () => {
  const token = await rest.mint({ subject: "node-b", isPeer: true });
  const asked = [
    await rest.post("/api/registers", { token, body: { name: "x" } }),
    await rest.post("/api/registers/r/subscribe", { token, body: { mode: "full-replica" } }),
    await rest.post("/api/peers/node-a/ban", { token, body: {} }),
  ];
  for (const answer of asked) {
    expect(answer).toMatchObject({ status: 403, body: { code: "peer-token" } });
  }
});

test("A peer's token shows a private register to its readers alone", async () => {
  const { registerId } = await rest.node.createRegister({ name: "secret", isPublic: false });
  const held = rest.node.getRegister(registerId);
  const token = await rest.mint({ subject: "node-b", isPeer: true });
  expect((await rest.get(`/api/registers/${registerId}`, { token })).status).toBe(404);
  expect((await rest.get("/api/registers", { token })).body).toEqual([]);
  const caller = await rest.gate.callerOf(`Bearer ${token}`);
  const policy = { ...(held as HeldRegister).policy, isPublic: false, readers: ["node-b"] };
  expect(isVisible({ isPublic: false, policy }, caller)).toBe(true);
  expect(isVisible({ isPublic: false, policy: { ...policy, readers: ["node-c"] } }, caller)).toBe(
    false,
  );
});

test("/api/health tells how peers prove themselves and when certificates end", async () => {
  const { body } = await rest.get("/api/health");
  expect(body.peerSecurity).toEqual({
    peerAuth: "open",
    isEncrypted: false,
    certificateExpiresAt: null,
    authorityExpiresAt: null,
  });
});
