/**
 * Loaded before a node's program (`BUN_OPTIONS=--preload=…`): its wall clock goes wrong by the ms
 * that the file `CLOCK_FILE` says, read at the start and at each SIGUSR2.
 */
import { readFileSync } from "node:fs";

const file = process.env.CLOCK_FILE ?? "";
const TrueDate = Date;
let offsetMs = 0;

function read(): void {
  offsetMs = Number(readFileSync(file, "utf8"));
}

class WrongDate extends TrueDate {
  constructor(...given: [] | [string | number | Date]) {
    if (given.length === 0) super(WrongDate.now());
    else super(...(given as [string]));
  }

  static override now(): number {
    return TrueDate.now() + offsetMs;
  }
}

if (file !== "") {
  read();
  process.on("SIGUSR2", read);
  globalThis.Date = WrongDate as DateConstructor;
}
