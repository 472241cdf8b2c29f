/**
 * P11: from the moment that 12 of 23 validators know a docket's hash to a checked group signature,
 * over a simulated LAN (each part comes 0.2–1 ms after it was made), all in one process on one
 * thread. A validator's own part is made on its own machine, so one is timed, not twelve. Beside it
 * the seal of a single validator, what a false part costs, and for how long in one piece the thread
 * is taken from everything else.
 *
 *   bun scripts/bench-threshold.ts [--rounds 200] [--json]
 */
import { createHash, randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { signerOfSeed } from "../src/dockets/keys.ts";
import { isSignatureTrue, signText } from "../src/dockets/signature.ts";
import { commitTo } from "../src/sealing/threshold/commitments.ts";
import { assembleSignature, type Partial, signPartial } from "../src/sealing/threshold/partials.ts";
import { randomPolynomial, shareAt } from "../src/sealing/threshold/polynomial.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "200" }, json: { type: "boolean" } },
});
const rounds = Number(values.rounds);
const [threshold, memberCount] = [12, 23];
const polynomial = randomPolynomial(threshold, { random: randomBytes });
const commitments = commitTo(polynomial);
const signer = signerOfSeed(randomBytes(32));

const figures: Record<string, number[]> = { group: [], oneFalse: [], single: [], piece: [] };
let pieceStart = 0;
await round(0);
for (const list of Object.values(figures)) list.length = 0;
for (let at = 1; at <= rounds; at += 1) await round(at);

const summary = Object.fromEntries(
  Object.entries(figures).map(([name, list]) => [
    name,
    { p50Ms: quantile(list, 0.5), p99Ms: quantile(list, 0.99), rounds: list.length },
  ]),
);
const isMet = (summary.group?.p99Ms ?? Number.POSITIVE_INFINITY) <= 150;
if (values.json) {
  console.log(JSON.stringify({ bench: "threshold", threshold, memberCount, ...summary, isMet }));
} else {
  console.log(`${threshold} of ${memberCount}, ${rounds} rounds, Bun ${Bun.version}\n`);
  print("group signature, from hash to checked", summary.group);
  print("the same with one false part among 13", summary.oneFalse);
  print("one Ed25519 seal, made and checked", summary.single);
  print("in one piece without others' turn", summary.piece);
  console.log(`\nP11 p99 ≤ 150 ms: ${isMet ? "met" : "not met"}`);
}
process.exit(isMet ? 0 : 1);

async function round(at: number): Promise<void> {
  const docketHash = createHash("sha256").update(`docket ${at}`).digest("hex");
  const first = 1 + (at % (memberCount - threshold));
  const indices = Array.from({ length: threshold }, (_, step) => first + step);
  const others = indices.slice(1).map((index) => partOf(index, docketHash));
  const start = performance.now();
  const own = partOf(indices[0] as number, docketHash);
  const arrived = await Promise.all(others.map(lan));
  pieceStart = performance.now();
  const { signature } = await assembleSignature([own, ...arrived], groupOf(docketHash));
  endPiece();
  figures.group?.push(performance.now() - start);
  if (signature === null) throw new Error("No signature came of true parts");
  if (at % 10 === 1) await timeFalse(docketHash, [own, ...others]);
  const begun = performance.now();
  const seal = signText(signer, docketHash);
  if (!isSignatureTrue(seal, docketHash)) throw new Error("A true seal was refused");
  figures.single?.push(performance.now() - begun);
}

async function timeFalse(docketHash: string, parts: readonly Partial[]): Promise<void> {
  const index = ((parts.at(-1)?.index ?? 0) % memberCount) + 1;
  const lie = { index, signature: partOf(index, "00".repeat(32)).signature };
  const start = performance.now();
  pieceStart = start;
  const { signature, faulty } = await assembleSignature([lie, ...parts], groupOf(docketHash));
  endPiece();
  figures.oneFalse?.push(performance.now() - start);
  if (signature === null || faulty[0] !== index) throw new Error("The false part was not named");
}

function partOf(index: number, docketHash: string): Partial {
  return { index, signature: signPartial(shareAt(polynomial, index), docketHash) };
}

function groupOf(docketHash: string) {
  return { docketHash, commitments, memberCount, pause };
}

async function pause(): Promise<void> {
  endPiece();
  await Bun.sleep(0);
  pieceStart = performance.now();
}

function endPiece(): void {
  figures.piece?.push(performance.now() - pieceStart);
}

async function lan(part: Partial): Promise<Partial> {
  await Bun.sleep(0.2 + Math.random() * 0.8);
  return part;
}

function quantile(list: readonly number[], share: number): number {
  const sorted = list.toSorted((left, right) => left - right);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return Math.round(value * 100) / 100;
}

function print(what: string, one: { p50Ms: number; p99Ms: number } | undefined): void {
  console.log(`${what.padEnd(42)} p50 ${one?.p50Ms} ms, p99 ${one?.p99Ms} ms`);
}
