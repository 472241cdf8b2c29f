import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Keyring } from "../../src/trust/keyring.ts";
import { Revocations } from "../../src/trust/revocations.ts";

let folder = "";
let nowMs = 1_000;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sorcha-peer-revoked-"));
  nowMs = 1_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("Revocations", () => {
  test("last over a restart, in a file that nobody else reads", async () => {
    await (await open()).revoke("a", 5_000);
    const again = await open();
    expect([again.isRevoked("a"), again.isRevoked("b")]).toEqual([true, false]);
    expect(statSync(join(folder, "revoked.json")).mode & 0o777).toBe(0o600);
  });

  test("are dropped once the token has expired by itself", async () => {
    const revocations = await open();
    await revocations.revoke("a", 5_000);
    nowMs = 6_000;
    await revocations.revoke("b", 9_000);
    expect([revocations.isRevoked("a"), revocations.size]).toEqual([false, 1]);
    expect(readFileSync(join(folder, "revoked.json"), "utf8")).not.toContain('"a"');
  });

  test("are bounded, and say so", async () => {
    const revocations = await open(2);
    await Promise.all([revocations.revoke("a", 5_000), revocations.revoke("b", 5_000)]);
    await expect(revocations.revoke("c", 5_000)).rejects.toMatchObject({
      code: "revocations-full",
    });
    await revocations.revoke("a", 6_000);
    nowMs = 5_500;
    await revocations.revoke("c", 7_000);
    expect(["a", "b", "c"].map((id) => revocations.isRevoked(id))).toEqual([true, false, true]);
  });

  test("a damaged list stops the start", async () => {
    writeFileSync(join(folder, "revoked.json"), "[{");
    await expect(open()).rejects.toMatchObject({ kind: "configuration", code: "bad-revocations" });
  });
});

describe("Keyring", () => {
  test("the kept key signs, older lines and configured keys verify, and they are read again", async () => {
    const settings = { dataDir: folder, production: false };
    const keyring = await Keyring.open(settings);
    const [made] = keyring.current();
    const older = "x".repeat(32);
    writeFileSync(join(folder, "jwt.key"), `${"n".repeat(32)}\n${made}\n`);
    await keyring.reload({ ...settings, jwtVerificationKeys: [older] });
    expect(keyring.current()).toEqual(["n".repeat(32), made ?? "", older]);
    rmSync(join(folder, "jwt.key"));
    await keyring.reload(settings);
    expect(keyring.current()).toHaveLength(3);
  });
});

function open(countMax = 100): Promise<Revocations> {
  return Revocations.open({
    file: join(folder, "revoked.json"),
    countMax,
    nowMs: () => nowMs,
  });
}
