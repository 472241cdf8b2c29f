import { systemClock } from "../../runtime/clock.ts";
import { CallError, call } from "../net/call.ts";
import { type RecordFile, readRecordFile } from "../net/record-file.ts";
import { ask, type Work } from "../parts/dialog.tsx";
import { goTo, hrefOf } from "../router.ts";
import { shortId, shown } from "../words/foreign.ts";
import { durationText, grouped, plural } from "../words/numbers.ts";

const batchRecords = 1_000;
const batchCharacters = 4 * 2 ** 20;

/** Into a register that is here, or into a new one of this node. */
export function askImport(registerId: string | null): void {
  ask({
    title: registerId === null ? "Import into a register of this node" : "Import records",
    text: (
      <p>
        Each line or row becomes a signed transaction in a sealed docket, in the file’s order. What
        is sealed can’t be taken back; importing the same file again doubles nothing.
      </p>
    ),
    fields: [
      ...(registerId === null
        ? [
            {
              name: "name",
              label: "Name of the register; made if there is none",
              isRequired: true,
              lengthMax: 255,
            },
          ]
        : []),
      {
        name: "records",
        label: "File",
        hint: "NDJSON, one JSON text a line, or CSV with a header line (.csv)",
        file: { accept: ".ndjson,.jsonl,.json,.csv,.txt", describe },
      },
    ],
    action: "Import",
    run: async ({ name = "" }, work) => {
      const { records: chosen } = work.files;
      if (chosen === undefined) throw new Error("Choose a file first.");
      const file = await readRecordFile(chosen);
      const id = registerId ?? (await ownRegister(name));
      const told = await send(id, { file, work });
      goTo(hrefOf(["registers", id]));
      return told;
    },
  });
}

/** The register of this node by that name; made if there is none. */
async function ownRegister(name: string): Promise<string> {
  const [first, second] = await call("listRegisters", { query: { name, origin: true } });
  if (second !== undefined) {
    throw new Error("Several registers of this node have that name: import on one’s own page.");
  }
  if (first !== undefined) return first.registerId;
  return (await call("createRegister", { body: { name } })).registerId;
}

async function describe(file: File): Promise<string> {
  const { format, records, skipped } = await readRecordFile(file);
  const first = shown(records[0]?.text ?? "", 120);
  const empty = skipped === 0 ? "" : `, ${plural(skipped, "empty line")} left out`;
  return `${format}, ${plural(records.length, "record")}${empty}. The first: ${first}`;
}

/** One request at a time: their order is the register's. */
async function send(registerId: string, given: { file: RecordFile; work: Work }): Promise<string> {
  const { file, work } = given;
  const { records, importId } = file;
  const startedMs = systemClock.monotonicMs();
  let sealed = 0;
  let present = 0;
  while (sealed < records.length) {
    work.report(progressOf(sealed, { all: records.length, startedMs }));
    const end = endOfBatch(records, sealed);
    const text = `${records
      .slice(sealed, end)
      .map((record) => record.text)
      .join("\n")}\n`;
    try {
      work.signal.throwIfAborted();
      const answer = await call("importRecords", {
        params: { registerId },
        query: { importId, firstLine: sealed + 1 },
        raw: { text, contentType: "application/x-ndjson" },
      });
      present += answer.alreadyPresent;
    } catch (thrown) {
      throw new Error(explained(thrown, { sealed, isStopped: work.signal.aborted }));
    }
    sealed = end;
  }
  const before = present === 0 ? "" : `, ${grouped(present)} of which were there already`;
  return `${plural(sealed, "record")} sealed in ${shortId(registerId)}${before}.`;
}

function endOfBatch(records: RecordFile["records"], from: number): number {
  let characters = 0;
  let end = from;
  while (end < records.length && end - from < batchRecords) {
    characters += records[end]?.text.length ?? 0;
    if (end > from && characters > batchCharacters) break;
    end += 1;
  }
  return end;
}

function progressOf(sealed: number, of: { all: number; startedMs: number }) {
  const seconds = (systemClock.monotonicMs() - of.startedMs) / 1_000;
  const rate = seconds > 0 ? sealed / seconds : 0;
  const pace =
    rate === 0 ? "" : `, ${grouped(rate)} a second, ${durationText((of.all - sealed) / rate)} left`;
  return {
    percent: (sealed / of.all) * 100,
    text: `${grouped(sealed)} of ${grouped(of.all)} records sealed${pace}`,
  };
}

/** What went wrong, what is safe, and how to go on. */
function explained(thrown: unknown, at: { sealed: number; isStopped: boolean }): string {
  const what = at.isStopped
    ? "Stopped."
    : thrown instanceof CallError
      ? thrown.message
      : String(thrown);
  if (at.sealed === 0) return `${what} Nothing was imported.`;
  const count = at.sealed === 1 ? "The first record is" : `The first ${grouped(at.sealed)} are`;
  return `${what} ${count} sealed; to go on, import the file again: nothing is doubled.`;
}
