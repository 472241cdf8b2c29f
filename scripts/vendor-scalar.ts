/**
 * `bun scripts/vendor-scalar.ts VERSION` takes the browser bundle of that version of
 * `@scalar/api-reference` into `vendor/scalar/`, as it was published.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [version = ""] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+$/.test(version)) {
  console.error("Say which version: bun scripts/vendor-scalar.ts 1.46.4");
  process.exit(4);
}
const root = new URL("../", import.meta.url).pathname;
const name = "@scalar/api-reference";
const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-vendor-"));
try {
  await Bun.write(join(folder, "package.json"), "{}");
  const words = ["add", "--exact", "--ignore-scripts", `${name}@${version}`];
  const added = Bun.spawnSync([process.execPath, ...words], { cwd: folder, stderr: "inherit" });
  if (!added.success) process.exit(1);
  const script = Bun.file(join(folder, "node_modules", name, "dist/browser/standalone.js"));
  const packed = Bun.gzipSync(await script.bytes(), { level: 9 });
  await Bun.write(join(root, "vendor/scalar/scalar.js.gz"), packed);
  const readme = Bun.file(join(root, "vendor/scalar/README.md"));
  await Bun.write(readme, (await readme.text()).replaceAll(/\d+\.\d+\.\d+/g, version));
  console.log(`${name} ${version}: ${packed.length} bytes packed, ${script.size} as it is`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
