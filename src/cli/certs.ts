import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { messageOf, PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { writeSecret } from "../runtime/data-dir.ts";
import { type CertificateFacts, certificatesOf, factsOf } from "../trust/certificate.ts";
import { type CertificatePair, issueAuthority, issueNode } from "../trust/issue.ts";
import { tlsNames, tlsPaths } from "../trust/trust.ts";
import { outputOption, settings } from "./connect.ts";
import { type Columns, type OutputFormat, printList, printOne, writeNote } from "./print.ts";

const authorityNames = { certificate: "ca.crt", key: "ca.key" } as const;
const dayMs = 86_400_000;

export function addCerts(program: Command): void {
  const group = program.command("certs").description("Certificates for peerAuth mtls");
  group
    .command("ca")
    .description("Make an organisation's authority: ca.crt to hand out, ca.key to keep")
    .option("--dir <dir>", "where to put it", "./ca")
    .option("--name <name>", "the organisation", "sorcha-peer authority")
    .option("--days <count>", "how long it holds", readDays, 3_650)
    .addOption(outputOption())
    .addHelpText("after", '\nExample:\n  sorcha-peer certs ca --dir ./ca --name "Organisation A"')
    .action(makeAuthority);
  group
    .command("issue")
    .description("Make a node's certificate; a running node takes the new one by itself")
    .requiredOption("--node-id <id>", "the node it stands for", readNodeId)
    .option("--ca-dir <dir>", "the authority's directory", "./ca")
    .option("--data-dir <dir>", "the node's data directory: it goes to tls/ there")
    .option("--out <dir>", "or to this directory")
    .option("--trust <file...>", "further authorities that the node is to trust")
    .option("--days <count>", "how long it holds", readDays, 365)
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExample:\n  sorcha-peer certs issue --node-id node-a --ca-dir ./ca --data-dir ./.data",
    )
    .action(makeNode);
  group
    .command("show")
    .description("What certificates say, and how long they still hold")
    .argument("[file...]", "PEM files; left out: those of the node's data directory")
    .option("--data-dir <dir>", "the node's data directory")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  sorcha-peer certs show --data-dir ./.data")
    .action(show);
}

async function makeAuthority(options: {
  dir: string;
  name: string;
  days: number;
  output: OutputFormat;
}): Promise<void> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  await refuseExisting(join(options.dir, authorityNames.key));
  const nowMs = systemClock.nowMs();
  const made = await issueAuthority({ name: options.name, validMs: options.days * dayMs, nowMs });
  const files = await writePair(options.dir, { names: authorityNames, made });
  printOne(files, options);
  writeNote("The certificate goes to every node that trusts it, the key stays here");
}

async function makeNode(options: {
  nodeId: string;
  caDir: string;
  dataDir?: string;
  out?: string;
  trust?: string[];
  days: number;
  output: OutputFormat;
}): Promise<void> {
  const authority = {
    certificate: await readPem(join(options.caDir, authorityNames.certificate)),
    key: await readPem(join(options.caDir, authorityNames.key)),
  };
  const folder = options.out ?? join(settings(options).dataDir, "tls");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { nodeId, days } = options;
  const nowMs = systemClock.nowMs();
  const made = await issueNode(authority, { nodeId, validMs: days * dayMs, nowMs });
  const bundle = join(folder, tlsNames.ca);
  const known = await readFile(bundle, "utf8").catch(() => "");
  const further = await Promise.all((options.trust ?? []).map(readPem));
  const trusted = joinBundle([known, authority.certificate, ...further], bundle);
  await writeSecret(bundle, trusted);
  const files = await writePair(folder, { names: tlsNames, made });
  printOne({ nodeId, ...files, trusted: bundle, days }, options);
}

async function show(
  files: string[],
  options: { dataDir?: string; output: OutputFormat },
): Promise<void> {
  const named = files.length > 0 ? files : await ownFiles(options);
  const nowMs = systemClock.nowMs();
  const rows = [];
  for (const file of named) {
    const found = certificatesOf(await readPem(file), file);
    for (const certificate of found) rows.push(rowOf(file, { facts: factsOf(certificate), nowMs }));
  }
  const columns: Columns<(typeof rows)[number]> = {
    File: (row) => row.file,
    Node: (row) => row.nodeId ?? (row.isAuthority ? "authority" : "–"),
    Subject: (row) => row.subject,
    Issuer: (row) => row.issuer,
    "Valid to": (row) => row.validTo,
    "Days left": (row) => String(row.daysLeft),
  };
  printList(rows, { output: options.output, columns, empty: "" });
}

async function ownFiles(options: { dataDir?: string }): Promise<string[]> {
  const { certificate, ca } = tlsPaths(settings(options));
  return [certificate, ca];
}

function rowOf(file: string, { facts, nowMs }: { facts: CertificateFacts; nowMs: number }) {
  const { validFromMs, validToMs, ...rest } = facts;
  return {
    file,
    ...rest,
    validFrom: new Date(validFromMs).toISOString(),
    validTo: new Date(validToMs).toISOString(),
    daysLeft: Math.floor((validToMs - nowMs) / dayMs),
  };
}

/** Each certificate once, in the order of the texts. */
function joinBundle(texts: readonly string[], file: string): string {
  const given = texts.filter((text) => text.trim() !== "");
  const pems = given.flatMap((text) => certificatesOf(text, file).map((one) => one.toString()));
  return [...new Set(pems.map((pem) => `${pem.trim()}\n`))].join("");
}

async function writePair(
  folder: string,
  pair: { names: { certificate: string; key: string }; made: CertificatePair },
): Promise<{ certificate: string; key: string }> {
  const files = {
    certificate: join(folder, pair.names.certificate),
    key: join(folder, pair.names.key),
  };
  await writeSecret(files.key, pair.made.key);
  await writeSecret(files.certificate, pair.made.certificate);
  return files;
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new PeerError("invalid", "no-such-file", {
      message: `The file ${path} can't be read: ${messageOf(cause)}`,
      cause,
    });
  }
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new PeerError("invalid", "already-there", {
    message: `The file ${path} is there already: an authority's key is never overwritten`,
  });
}

function readDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new InvalidArgumentError("It must be a whole number from 1 to 36500.");
}

function readNodeId(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1 to 64 letters, digits, dots, dashes, underscores.");
}
