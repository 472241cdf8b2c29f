import { afterAll, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { endpoints } from "../../src/rest/contract.ts";
import { Rest } from "./rest-of.ts";

afterAll(() => rest.close());

test("the page at /scalar shows every operation and asks no other host for anything", async () => {
  const api = await Rest.open();
  const { status, headers, body } = await api.get("/scalar");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toContain("text/html");
  expect(headers.get("content-security-policy")).toStartWith(
    "default-src 'none'; style-src 'sha256-",
  );
  for (const name of Object.keys(endpoints)) expect(body).toContain(`<details id="${name}">`);
  expect(body).not.toMatch(/<script|(src|href)="(https?:)?\/\//);
});
