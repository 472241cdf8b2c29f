import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/runtime/config.ts";
import { dayMs, Organisation, openFiles, writeTls } from "../support/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("TlsFiles warns of an end that is near, once a day's count, and tells when it is", async () => {
  const ours = await Organisation.make("Ours");
  const own = await ours.issue("node-a", { days: 10 });
  const paths = await writeTls(folder, { own, trusts: [ours] });
  const warned: object[] = [];
  const note = (facts: object) => warned.push(facts);
  const files = await openFiles(paths, "node-a", {
    debug() {},
    info() {},
    warn: note,
    error: note,
  });
  await files.reload();
  expect(warned).toEqual([{ daysLeft: 9, file: paths.certificate }]);
  const daysLeft = (files.expiresAtMs().own - Date.now()) / dayMs;
  expect(Math.round(daysLeft)).toBe(10);
  await writeTls(folder, { own: await ours.issue("node-a"), trusts: [ours] });
  await files.reload();
  expect(warned).toHaveLength(1);
  await files.close();
});

test("TlsFiles.open names what is missing or wrong", async () => {
  const ours = await Organisation.make("Ours");
  const own = await ours.issue("node-a");
  const at = join(folder, "open");
  const paths = await writeTls(at, { own, trusts: [ours] });
  const told = (nodeId: string) =>
    openFiles(paths, nodeId).then(
      () => "opened",
      (error) => error.message,
    );
  expect(await told("node-b")).toContain("is node node-a's, and this node is node-b");
  await Bun.write(paths.key, (await ours.issue("node-a")).key);
  expect(await told("node-a")).toContain("is not that of the certificate");
  await Bun.write(paths.key, "nothing");
  expect(await told("node-a")).toContain("holds no private key");
  rmSync(paths.ca);
  expect(await told("node-a")).toContain("list of trusted authorities can't be read");
});

test("peerAuth is mtls in production unless an operator says otherwise", () => {
  const modeOf = (environment: Record<string, string>) =>
    loadConfig({ environment }).config.peerAuth;
  expect(modeOf({})).toBe("open");
  expect(modeOf({ NODE_ENV: "production" })).toBe("mtls");
  expect(modeOf({ NODE_ENV: "production", PEER_AUTH: "open" })).toBe("open");
});
