import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as rest from "../../src/rest/app.ts";
import { endpoints } from "../../src/rest/contract.ts";
import { Rest } from "./rest-of.ts";

afterAll(() => rest.close());

test("the page at /scalar shows every operation, also without scripts", async () => {
  const api = await Rest.open();
  const { status, headers, body } = await api.get("/scalar");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toContain("text/html");
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; ");
  expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
  for (const name of Object.keys(endpoints)) expect(body).toContain(`<details id="${name}">`);
  expect(body).not.toMatch(/<script(?! defer src="\/scalar\/\w+\.js"><\/script>)/);
  expect(body).not.toMatch(/(src|href)="(https?:)?\/\//);
});

test("Scalar comes packed to whoever takes it so, and whole to others", async () => {
  const api = await Rest.open();
  const lengthOf = async (encoding: string) => {
    const answer = await fetch(`${api.url}/scalar/scalar.js`, {
      headers: { "accept-encoding": encoding },
      decompress: false,
    });
    expect(answer.headers.get("content-type")).toContain("javascript");
    return [answer.headers.get("content-encoding"), (await answer.bytes()).length];
  };
  const [packed, packedLength] = await lengthOf("gzip, br");
  const [plain, length] = await lengthOf("identity");
  expect([packed, plain]).toEqual(["gzip", null]);
  expect(Number(packedLength)).toBeLessThan(Number(length) / 3);
});

const chromium = "/usr/bin/chromium";

test.skipIf(!existsSync(chromium))(
  "Scalar runs in a browser under its policy",
  async () => {
    const api = await Rest.open();
    const profile = mkdtempSync(join(tmpdir(), "sorcha-peer-chromium-"));
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"];
    const waiting = [`--user-data-dir=${profile}`, "--virtual-time-budget=20000", "--dump-dom"];
    const child = Bun.spawn([chromium, ...flags, ...waiting, `${api.url}/scalar`], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [page, log] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    await child.exited;
    rmSync(profile, { recursive: true, force: true });
    expect(log).not.toMatch(/violates the following Content Security Policy|Refused to/);
    const shown = ["Registers", "Peers", "Tokens", "Download OpenAPI Document"];
    expect(shown.filter((text) => !page.includes(text))).toEqual([]);
    expect([page.includes("scalar-app"), page.includes('id="plain"')]).toEqual([true, false]);
  },
  60_000,
);
