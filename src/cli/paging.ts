import { type Command, InvalidArgumentError } from "commander";
import type { ConnectOptions } from "./connect.ts";
import type { OutputFormat } from "./print.ts";

/** Which part of a list is wanted. */
export interface PageOptions extends ConnectOptions {
  limit?: number;
  offset?: number;
  sort?: string;
}

export function withPaging(command: Command): Command {
  return command
    .option("--limit <count>", "so many at most, up to 1,000", wholeNumber)
    .option("--offset <count>", "after so many", wholeNumber);
}

export function pageAsked({ limit, offset, sort }: PageOptions) {
  return { limit, offset, sort };
}

/** What `printList` wants to know of the options. */
export function printAs(options: ConnectOptions): { output: OutputFormat; quiet: boolean } {
  return { output: options.output, quiet: options.quiet ?? false };
}

export function wholeNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError("It must be a whole number from 0 on.");
}
