import { createReadStream } from "node:fs";
import { z } from "zod";
import { textOf, utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import { limits } from "../runtime/limits.ts";
import { refused } from "./chain.ts";
import { splitLines } from "./record-lines.ts";

/** What `export --format dockets` wrote: a docket a line with its transactions, as texts. */
export interface DocketFile {
  registerId: string;
  bytesRead(): number;
  /** The dockets as frames, in the file's order. */
  pages(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** A document as a JSON string is twice as long at most, but for a few control characters. */
const lineBytesMax = 4 * limits.docketBytes;

export async function openDocketFile(path: string): Promise<DocketFile> {
  let bytesRead = 0;
  const count = (bytes: number) => {
    bytesRead += bytes;
  };
  for await (const one of docketsIn(path, () => undefined)) {
    const docket = decodeDocket(one.docketData);
    if (!docket.ok) throw refused(docket.refusal);
    return {
      registerId: docket.value.registerId,
      bytesRead: () => bytesRead,
      pages: () => pagesOf(docketsIn(path, count)),
    };
  }
  throw new PeerError("invalid", "nothing-to-verify", { message: `There is no docket in ${path}` });
}

interface Documents {
  docketData: Uint8Array;
  transactionData: Uint8Array[];
}

async function* pagesOf(
  dockets: AsyncIterable<Documents>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let bundles: Uint8Array[] = [];
  let bytes = 0;
  for await (const documents of dockets) {
    const bundle = encodeBundle(documents);
    const isFull =
      bytes + bundle.length > limits.frameBytes || bundles.length === limits.frameDockets;
    if (isFull && bundles.length > 0) {
      yield encodePage({ bundles, headNumber: 0, firstVersion: 0 });
      bundles = [];
      bytes = 0;
    }
    bundles.push(bundle);
    bytes += bundle.length;
  }
  if (bundles.length > 0) yield encodePage({ bundles, headNumber: 0, firstVersion: 0 });
}

async function* docketsIn(path: string, read: (bytes: number) => void): AsyncGenerator<Documents> {
  const bytes = createReadStream(path, { highWaterMark: 2 ** 18 });
  for await (const lines of splitLines(bytes, { bytesMax: lineBytesMax })) {
    for (const one of lines) {
      const documents = documentsSchema.safeParse(parsedOrNull(textOf(one.bytes)));
      if (!documents.success) throw notADocket(path, one.line);
      read(one.bytes.length + 1);
      yield {
        docketData: utf8(documents.data.docket),
        transactionData: documents.data.transactions.map(utf8),
      };
    }
  }
}

const documentsSchema = z.strictObject({ docket: z.string(), transactions: z.array(z.string()) });

function parsedOrNull(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function notADocket(path: string, line: number): PeerError {
  return new PeerError("invalid", "not-a-docket", {
    message: `Line ${line} of ${path} is no docket: such a file is made by export --format dockets`,
    facts: { line },
  });
}
