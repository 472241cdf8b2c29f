/**
 * How fast pages are verified: transactions a second for records of 512 B and 1 KiB, 10 and 100 a
 * docket, with and without the transactions' own signatures, on one thread and on the pool.
 * Beside it the ceiling: what the checks of Ed25519 signatures alone would allow on one thread.
 *
 *   bun scripts/bench-verify.ts [seconds a measurement, default 1]
 */
import { availableParallelism } from "node:os";
import { encodeBundle, encodePage } from "../src/dockets/bundle.ts";
import {
  buildDocket,
  buildGenesis,
  buildPayload,
  buildTransaction,
  leafOf,
} from "../src/dockets/envelope.ts";
import { type Signer, signerOfSeed } from "../src/dockets/keys.ts";
import { isSignatureTrue, signText } from "../src/dockets/signature.ts";
import type { Policy } from "../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../src/dockets/verify.ts";
import * as pool from "../src/workers/pool.ts";

const rounds = 5;
const secondsMax = Number(process.argv[2] ?? 1) / rounds;
const threads = availableParallelism();
const signer = signerOfSeed(new Uint8Array(32).fill(1));
const registerId = "aebf26362e079087571ac0932d4db973";
const startMs = 1_700_000_000_000;
const policy: Policy = {
  version: 1,
  validators: [{ validatorId: "v1", publicKey: signer.publicKey, algorithm: "ED25519" }],
  threshold: 1,
  isPublic: true,
  name: "bench",
  description: "",
};

const threadUrl = new URL("../src/workers/verify-thread.ts", import.meta.url);
pool.open({ threadUrl, count: threads });
const checksPerSecond = ceiling(signer);
console.log(`Ed25519 on one thread: ${shown(checksPerSecond)} checks/s`);
console.log(
  `record  a docket  tx signatures  one thread    spread  of ceiling  ${threads} threads`,
);
for (const [recordBytes, perDocket] of [
  [1024, 10],
  [1024, 100],
  [512, 10],
  [512, 100],
] as const) {
  for (const verifyTransactions of ["none", "all"] as const) {
    await measure(recordBytes, perDocket, verifyTransactions);
  }
}
await pool.close();

async function measure(
  recordBytes: number,
  perDocket: number,
  verifyTransactions: "all" | "none",
): Promise<void> {
  const { request, count } = pageOf(recordBytes, perDocket, verifyTransactions);
  const alone = await rates(count, async () => expectOk(verifyPage(request)));
  const wide = threads * 4;
  const pooled = await rates(count * wide, async () => {
    const outcomes = Array.from({ length: wide }, () => pool.verifyPage(request));
    for (const outcome of await Promise.all(outcomes)) expectOk(outcome);
  });
  const signatures = 1 / perDocket + (verifyTransactions === "all" ? 1 : 0);
  const share = alone.median / (checksPerSecond / signatures);
  console.log(
    [
      `${recordBytes} B`.padEnd(8),
      String(perDocket).padEnd(10),
      (verifyTransactions === "all" ? "on" : "off").padEnd(15),
      shown(alone.median).padStart(10),
      `${Math.round(alone.spread * 100)} %`.padStart(10),
      `${Math.round(share * 100)} %`.padStart(12),
      shown(pooled.median).padStart(11),
    ].join(""),
  );
}

/** Median of five and the spread between best and worst, as a part of the median. */
async function rates(
  count: number,
  run: () => Promise<void>,
): Promise<{ median: number; spread: number }> {
  await run();
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let runs = 0;
    const start = performance.now();
    while (performance.now() - start < secondsMax * 1000) {
      await run();
      runs += 1;
    }
    found.push((count * runs * 1000) / (performance.now() - start));
  }
  found.sort((left, right) => left - right);
  const median = found[Math.floor(rounds / 2)] as number;
  return { median, spread: ((found.at(-1) as number) - (found[0] as number)) / median };
}

function ceiling(by: Signer): number {
  const signature = signText(by, "text");
  let checks = 0;
  const start = performance.now();
  for (; performance.now() - start < 500; checks += 1) isSignatureTrue(signature, "text");
  return (checks * 1000) / (performance.now() - start);
}

/** A page of about 1 MiB, without the genesis docket. */
function pageOf(
  recordBytes: number,
  perDocket: number,
  verifyTransactions: "all" | "none",
): { request: VerifyRequest; count: number } {
  let previousHash = buildGenesis({ registerId, policy, createdAtMs: startMs, signer }).docket
    .docketHash;
  const bundles: Uint8Array[] = [];
  let bytes = 0;
  for (let number = 1; bytes < 1024 * 1024; number += 1) {
    const built = Array.from({ length: perDocket }, (_, index) =>
      buildTransaction({
        registerId,
        payloadJson: payloadOf(recordBytes, number * perDocket + index),
        createdAtMs: startMs + number,
        signer,
      }),
    );
    const { docket, bytes: docketData } = buildDocket({
      registerId,
      number,
      previousHash,
      createdAtMs: startMs + number,
      proposerValidatorId: "v1",
      leaves: built.map((one) => leafOf(one.transaction)),
      signer,
    });
    previousHash = docket.docketHash;
    const bundle = encodeBundle({ docketData, transactionData: built.map((one) => one.bytes) });
    bytes += bundle.length;
    bundles.push(bundle);
  }
  const request: VerifyRequest = {
    registerId,
    bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }),
    nextNumber: 1,
    policy,
    nowMs: startMs + 1_000_000,
    verifyTransactions,
    acceptUnsealed: false,
  };
  return { request, count: bundles.length * perDocket };
}

/** A record of ten fields, as real ones are: a tenth of its characters are quotes. */
function payloadOf(recordBytes: number, seed: number): string {
  const fields = Array.from({ length: 10 }, (_, index) => [`field${index}`, ""] as const);
  const record = Object.fromEntries(fields) as Record<string, string>;
  record.field0 = String(seed);
  const room = recordBytes - JSON.stringify(record).length;
  for (const [name] of fields.slice(1)) record[name] = "abcdefghi ".repeat(200).slice(0, room / 9);
  return buildPayload({
    type: "Action",
    sender: "bench",
    recipients: [],
    previousTransactionId: null,
    nonce: String(seed).padStart(22, "0"),
    dataText: JSON.stringify(record),
  });
}

function expectOk(outcome: ReturnType<typeof verifyPage>): void {
  if (!outcome.ok) throw new Error(outcome.refusal.message);
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString("en-GB");
}
