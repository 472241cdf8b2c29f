/**
 * Text of strangers, made harmless to look at: what has no shape gets one, what would turn the
 * reading direction round is shown by its number, and nothing is longer than it may be. Markup is
 * no concern here: it only ever becomes a text node.
 */
export function shown(text: string, lengthMax = 120): string {
  // Enough units for as many letters, so that a huge text costs no more than a short one.
  const letters = [...text.slice(0, lengthMax * 2 + 2)];
  const isCut = letters.length > lengthMax || text.length > lengthMax * 2 + 2;
  const kept = letters.slice(0, isCut ? lengthMax - 1 : lengthMax).map(visible);
  return `${calmed(kept.join(""))}${isCut ? "…" : ""}`;
}

/** The same where line breaks and tabs mean something: records, documents. */
export function shownText(text: string, lengthMax = 20_000): string {
  const cut = text.slice(0, lengthMax);
  const lines = cut.split("\n").map((line) => line.split("\t").map(shownLine).join("\t"));
  const rest = text.length - cut.length;
  const more = rest > 0 ? `\n… and ${rest.toLocaleString("en")} more characters` : "";
  return `${lines.join("\n")}${more}`;
}

/** An id of which the ends are enough to recognise it by: `931088be…8c419`. */
export function shortId(id: string, lengthMax = 16): string {
  const clean = shown(id, 300);
  const letters = [...clean];
  if (letters.length <= lengthMax) return clean;
  const tail = Math.floor((lengthMax - 1) / 3);
  return `${letters.slice(0, lengthMax - 1 - tail).join("")}…${letters.slice(-tail).join("")}`;
}

function shownLine(line: string): string {
  return calmed([...line].map(visible).join(""));
}

function visible(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return isShapeless(code) ? `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩` : letter;
}

/** Controls, marks that steer direction, lone surrogates, tags: nothing that a name needs. */
function isShapeless(code: number): boolean {
  return (
    (code >= 0x80 && code <= 0x9f) ||
    code === 0xad ||
    code === 0x61c ||
    code === 0x180e ||
    code === 0x200b ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe007f)
  );
}

/** Towers of combining marks would reach over the lines around: three a letter are plenty. */
function calmed(text: string): string {
  return text.replace(/(\p{M}{3})\p{M}+/gu, "$1");
}
