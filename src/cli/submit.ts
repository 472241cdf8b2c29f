import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Command, Option } from "commander";
import { PeerError } from "../base/error.ts";
import { jsonFault, placeOf } from "../base/json-scan.ts";
import { limits } from "../runtime/limits.ts";
import { readInput } from "../runtime/terminal.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { printOne } from "./print.ts";

interface SubmitOptions extends ConnectOptions {
  type?: string;
  recipient?: string[];
  wait?: boolean;
  key?: string;
}

export function addSubmit(group: Command): void {
  withConnection(
    group
      .command("submit")
      .description("Submit one record to a register the node seals or follows; many go by import")
      .argument("<register-id>")
      .argument("<record>", "JSON, kept as it is, or a file that holds it; - reads standard input"),
  )
    .addOption(new Option("--type <type>").choices(["Action", "Docket", "Participant"]))
    .option("--recipient <name...>", "whom it is for")
    .option("--wait", "until it is sealed and stored")
    .option("--key <key>", "Idempotency-Key: repeated with it, the record is submitted once")
    .addHelpText(
      "after",
      "\nExamples:\n  sorcha-peer tx submit 5f3c… '{\"box\":17}' --wait" +
        "\n  sorcha-peer tx submit 5f3c… record.json" +
        "\n\nWithout --wait the record is kept safe and sealed later: tx get says how far it is.",
    )
    .action(submit);
}

async function submit(registerId: string, given: string, options: SubmitOptions): Promise<void> {
  const data = checked(await textOf(given));
  const { type, recipient: recipients, wait, key } = options;
  const rest = JSON.stringify({ type, recipients, wait });
  const client = await connect(options);
  const submitted = await client.call("submitTransaction", {
    params: { registerId },
    // Its text as it is: long numbers and the order of keys survive.
    bodyText: `{"data":${data}${rest === "{}" ? "" : ","}${rest.slice(1)}`,
    ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
  });
  printOne(submitted, options);
}

/** What is no JSON by itself and names a file is that file's text. */
async function textOf(given: string): Promise<string> {
  if (given === "-") return read(readInput(new AbortController().signal));
  if (isJson(given)) return given;
  const file = await stat(given).catch(() => null);
  return file?.isFile() ? read(createReadStream(given)) : given;
}

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of source) {
    parts.push(part);
    bytes += part.byteLength;
    if (bytes <= limits.transactionBytes) continue;
    throw new PeerError("too-large", "record-too-large", {
      message: `The record is larger than ${limits.transactionBytes / 2 ** 20} MiB`,
    });
  }
  return Buffer.concat(parts).toString();
}

function isJson(text: string): boolean {
  return jsonFault(text) === null;
}

/** Only a whole JSON text may stand where it goes. */
function checked(text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
    const { line, column } = placeOf(text, fault.offset);
    throw new PeerError("invalid", "bad-record", {
      message: `The record is not JSON: ${fault.message} at line ${line}, column ${column}`,
    });
  }
}
