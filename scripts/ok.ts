/**
 * The one gate: what must hold before a change is taken. The cheap steps come first, the first
 * failure ends it. `--without-tests` leaves out the test suite, for whoever has just run it.
 * The last line counts the tests and every other step as one.
 */
interface Step {
  name: string;
  command: string[];
  /** Its own last line says how many tests passed. */
  isCounting?: boolean;
}

const root = new URL("../", import.meta.url).pathname;
const bun = process.execPath;
const steps: Step[] = [
  { name: "types", command: [bun, "x", "tsc", "--noEmit"] },
  { name: "lint", command: [bun, "x", "biome", "check", "--error-on-warnings", "."] },
  { name: "floors", command: [bun, "scripts/check-floors.ts"] },
  { name: "protos", command: [bun, "x", "buf", "lint"] },
  { name: "tests", command: [bun, "scripts/test.ts"], isCounting: true },
  { name: "compile", command: [bun, "scripts/build.ts"] },
  { name: "smoke", command: [bun, "scripts/smoke.ts"] },
];

const isWithoutTests = process.argv.includes("--without-tests");
let passed = 0;
let failed = 0;

for (const step of steps) {
  if (step.isCounting && isWithoutTests) continue;
  const isGood = await run(step);
  if (!isGood) break;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function run(step: Step): Promise<boolean> {
  if (process.stdout.isTTY) process.stdout.write(`  …             ${step.name}\r`);
  const started = performance.now();
  const child = Bun.spawn(step.command, {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const lastLine = output.trim().split("\n").at(-1) ?? "";
  const counts = lastLine.match(/^(\d+) passed, (\d+) failed/);
  if (step.isCounting && counts !== null) {
    passed += Number(counts[1]);
    failed += Number(counts[2]);
  } else if (code === 0) passed += 1;
  if (code !== 0) {
    failed += step.isCounting && Number(counts?.[2] ?? 0) > 0 ? 0 : 1;
    console.log(`${output}${errors}`);
  }
  const remark = step.isCounting ? `  ${lastLine}` : "";
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${seconds} s  ${step.name}${remark}`);
  return code === 0;
}
