import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PeerError } from "../../src/base/error.ts";
import { batchesOf } from "../../src/cli/import-input.ts";
import { type InputRecord, readNdjson, splitLines } from "../../src/cli/record-lines.ts";
import { readCsv } from "../../src/cli/record-rows.ts";

const bytesMax = 1_000;

describe("splitLines", () => {
  test("gives the same lines however the bytes are cut up", async () => {
    const texts = fc.array(fc.constantFrom("", "a", "żółć", "\r", '{"x":1}'), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (lines, isEnded, size) => {
          const text = lines.join("\n") + (isEnded && lines.length > 0 ? "\n" : "");
          const wanted = text.split("\n");
          if (wanted.at(-1) === "") wanted.pop();
          const found = (await all(splitLines(chunks(text, size), { bytesMax }))).flat();
          expect(found.map((one) => Buffer.from(one.bytes).toString())).toEqual(wanted);
          expect(found.map((one) => one.line)).toEqual(wanted.map((_, index) => index + 1));
        },
      ),
    );
  });

  test("stops at a line that is too long before it is all in memory, and names it", async () => {
    let pulled = 0;
    async function* endless() {
      yield Buffer.from("one\n");
      for (;;) {
        pulled += 1;
        yield Buffer.alloc(400, "x");
      }
    }
    const { items, error } = await collect(splitLines(endless(), { bytesMax }));
    expect(items.flat()).toHaveLength(1);
    expect(error).toMatchObject({ kind: "too-large", facts: { line: 2 } });
    expect(pulled).toBe(3);
  });
});

describe("readNdjson", () => {
  test("keeps every byte of a record: white space, long numbers, escapes", async () => {
    const lines = [
      ' {"b":12345678901234567890, "a":"\\u00e9\\/"}\r',
      "1e400",
      '"\\ud800"',
      "  [ ]\t",
    ];
    const { items } = await collect(ndjson(`${lines.join("\n")}\n`));
    expect(items.flat().map((record) => record.text)).toEqual(lines);
  });

  test("leaves out empty lines, tells of them and still counts them", async () => {
    let skipped = 0;
    const source = readNdjson(chunks("1\n\n \r\n2", 3), {
      bytesMax,
      skipped: () => {
        skipped += 1;
      },
    });
    expect((await all(source)).flat()).toEqual([
      { text: "1", line: 1 },
      { text: "2", line: 4 },
    ]);
    expect(skipped).toBe(2);
  });

  test("hands out what stands before a fault, then names its line and column", async () => {
    const faults: [string, string, object][] = [
      ['{"a":1}\n{"é":1,}', "Line 2, column 8 is not JSON", { line: 2, column: 8 }],
      ["\uFEFF{}", "byte order mark", { line: 1, column: 1 }],
      ["1\n\n{} {}", "Line 3, column 4", { line: 3, column: 4 }],
    ];
    for (const [text, words, facts] of faults) {
      const { error } = await collect(ndjson(text));
      expect(error).toMatchObject({ kind: "invalid", facts });
      expect((error as Error).message).toContain(words);
    }
    const { items, error } = await collect(ndjson('{"a":1}\n2\n\n3x\n4'));
    expect(items.flat().map((record) => record.text)).toEqual(['{"a":1}', "2"]);
    expect(error).toBeInstanceOf(PeerError);
  });

  test("refuses bytes that are not UTF-8", async () => {
    async function* bad() {
      yield Buffer.from([0x31, 0x0a, 0x22, 0xc3, 0x22, 0x0a]);
    }
    const { items, error } = await collect(
      readNdjson(bad(), { bytesMax, skipped: () => undefined }),
    );
    expect(items.flat()).toHaveLength(1);
    expect((error as Error).message).toBe("Line 2 is not well-formed UTF-8");
  });
});

describe("readCsv", () => {
  test("makes an object of each row, members in the header's order, cells as texts", async () => {
    const text = '\uFEFFname,2,1\nżółć,"a ""b""\nc",\n,x,y\n';
    const { items, error } = await collect(readCsv(chunks(text, 4), { bytesMax }));
    expect(error).toBeNull();
    expect(items.flat().map((record) => record.text)).toEqual([
      '{"name":"żółć","2":"a \\"b\\"\\nc","1":""}',
      '{"name":"","2":"x","1":"y"}',
    ]);
  });

  test("names the line of a row that does not fit, and a header that can't be used", async () => {
    const short = await collect(readCsv(chunks("a,b\n1,2\n3\n", 100), { bytesMax }));
    expect(short.items.flat()).toHaveLength(1);
    expect(short.error).toMatchObject({ kind: "invalid", facts: { line: 3 } });
    for (const header of ["a,a\n1,2\n", "a,,c\n1,2,3\n"]) {
      const { error } = await collect(readCsv(chunks(header, 100), { bytesMax }));
      expect(error).toMatchObject({ kind: "invalid", code: "bad-header" });
    }
    const long = await collect(readCsv(chunks(`a\n${"x".repeat(2_000)}\n`, 100), { bytesMax }));
    expect(long.error).toMatchObject({ kind: "too-large" });
  });
});

describe("batchesOf", () => {
  test("keeps order and numbers, and bounds a request by records and by size", async () => {
    const record = (size: number, line: number): InputRecord => ({ text: "x".repeat(size), line });
    async function* source() {
      yield Array.from({ length: 1_500 }, (_, index) => record(1, index + 1));
      yield [record(3 * 2 ** 20, 1_501), record(3 * 2 ** 20, 1_502), record(1, 1_503)];
    }
    const batches = await all(batchesOf(source()));
    expect(batches.map((batch) => [batch.first, batch.records.length])).toEqual([
      [1, 1_000],
      [1_001, 501],
      [1_502, 2],
    ]);
  });

  test("hands out what it has before it passes a fault on", async () => {
    async function* source() {
      yield [{ text: "1", line: 1 }];
      throw new Error("broken");
    }
    const { items, error } = await collect(batchesOf(source()));
    expect(items).toEqual([{ first: 1, records: [{ text: "1", line: 1 }] }]);
    expect((error as Error).message).toBe("broken");
  });
});

function ndjson(text: string) {
  return readNdjson(chunks(text, 5), { bytesMax, skipped: () => undefined });
}

async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const { items, error } = await collect(source);
  if (error !== null) throw error;
  return items;
}

async function collect<T>(source: AsyncIterable<T>): Promise<{ items: T[]; error: unknown }> {
  const items: T[] = [];
  try {
    for await (const item of source) items.push(item);
    return { items, error: null };
  } catch (error) {
    return { items, error };
  }
}
