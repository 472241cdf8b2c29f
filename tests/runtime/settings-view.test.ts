import { expect, test } from "bun:test";
import { loadConfig, viewSettings } from "../../src/runtime/config.ts";

test("settings are shown with where they come from, and secrets never", () => {
  const secret = "a secret of at least thirty-two bytes";
  const rows = viewSettings(
    loadConfig({
      environment: { PEER_JWT_SIGNING_KEY: secret },
      flags: { dbConnection: `postgres://me:${encodeURIComponent(secret)}@host/db`, httpPort: 1 },
    }),
  );
  const found = Object.fromEntries(rows.map((row) => [row.key, row]));
  expect(found.jwtSigningKey).toMatchObject({ value: "***", source: "environment" });
  expect(found.dbConnection).toMatchObject({ value: "***", source: "flag" });
  expect(found.httpPort).toMatchObject({ value: 1, variable: "PEER_HTTP_PORT" });
  expect(rows.filter((row) => row.description === "")).toEqual([]);
  expect(JSON.stringify(rows)).not.toContain("secret of");
});
