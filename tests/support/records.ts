import { seededDice } from "../../src/base/prng.ts";

/**
 * Lines that a careless JSON reader changes: long numbers, escapes, the order of keys, spaces,
 * equal lines, text beyond ASCII, a carriage return before the newline, characters that some take
 * for a newline. An export must give back every byte.
 */
export const awkwardLines: readonly string[] = [
  '{"n":12345678901234567890,"m":-0,"x":1.0,"big":1e400,"tiny":0.10000000000000000555}',
  '{"b":1,"a":2,"B":3,"10":4,"9":5}',
  '{"a":1,"a":2}',
  '{"escaped":"\\u00e9\\n\\/\\u0000\\ud83d\\ude00 \\ud800"}',
  '"é ü 漢字 😀 \u{10ffff}"',
  '  {"spaced" :  [ 1 ,2 ]\t}  ',
  '{"carriage":"return"}\r',
  '"line\u2028separator\u2029and\u0085next line"',
  '"\ufeffbyte order mark inside"',
  '{"same":true}',
  '{"same":true}',
  '{"same":true}',
  "null",
  "[]",
  '""',
  `{"long":${JSON.stringify("x".repeat(200_000))}}`,
  `${"[".repeat(200)}${"]".repeat(200)}`,
];

/** NDJSON of uneven records, the same for a seed. */
export function unevenRecords(count: number, seed: number): string {
  const roll = seededDice(seed);
  const lines: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const text = wordsOf(Math.floor(roll() ** 3 * 200), roll);
    lines.push(`{"id":${index},"name":"p-${Math.floor(roll() * 1e9)}","text":"${text}"}`);
  }
  return `${lines.join("\n")}\n`;
}

function wordsOf(count: number, roll: () => number): string {
  const words = ["package", "größer", "über", "library", "données", "документ", "資料", "the"];
  const picked = Array.from({ length: count }, () => words[Math.floor(roll() * words.length)]);
  return picked.join(" ");
}

/** The seed of this run, printed so that a failure can be had again by `SEED=…`. */
export function seedOfRun(test: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${test}: SEED=${seed}`);
  return seed;
}
