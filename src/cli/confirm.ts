import { PeerError } from "../base/error.ts";
import { hasKeyboard, readInput, writeError } from "../runtime/terminal.ts";

/**
 * Asks before something is destroyed. `--yes` answers beforehand; where nobody can be asked it is
 * required, so that a script says it knowingly. Throws `invalid` when the answer is not yes.
 */
export async function confirm(question: string, options: { yes?: boolean }): Promise<void> {
  if (options.yes) return;
  if (!hasKeyboard()) {
    throw new PeerError("invalid", "needs-yes", {
      message: `${question} Nobody can be asked here: say --yes if that is meant`,
    });
  }
  writeError(`${question} [y/N] `);
  if (/^y(es)?$/i.test(await readAnswer())) return;
  throw new PeerError("invalid", "not-confirmed", { message: "Nothing was done" });
}

async function readAnswer(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of readInput(new AbortController().signal)) {
    text += decoder.decode(part, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.trim();
}
