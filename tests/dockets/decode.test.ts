import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bounds } from "../../src/dockets/bounds.ts";
import { decodeDocket, decodeTransaction } from "../../src/dockets/decode.ts";
import { type JsonValue, parseStrictly } from "../../src/dockets/json.ts";
import type { Docket, Leaf, Transaction } from "../../src/dockets/types.ts";
import { limits } from "../../src/runtime/limits.ts";
import { Ledger, type Made, rewritten } from "./ledger.ts";

const made = new Ledger().add().made[1] as Made;
const body = made.transactionData[0] as Uint8Array;

describe("decodeTransaction", () => {
  test("reads a document whatever the order of its keys and the white space between them", () => {
    const expected = JSON.parse(textOf(body)) as Transaction;
    const reversed = Object.fromEntries(Object.entries(expected).reverse());
    for (const text of [
      textOf(body),
      JSON.stringify(reversed),
      JSON.stringify(expected, null, 2),
    ]) {
      expect(decodeTransaction(bytesOf(text))).toEqual({ ok: true, value: expected });
    }
  });

  test("takes the payload out of any spelling that JSON has for it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        fc.boolean(),
        (payload, isAscii) => {
          const change = (document: Transaction) => {
            document.payloadJson = payload;
          };
          const text = textOf(rewritten<Transaction>(body, change));
          const outcome = decodeTransaction(bytesOf(isAscii ? asciiOf(text) : text));
          expect(outcome.ok && outcome.value.payloadJson).toBe(payload);
        },
      ),
    );
  });

  test("takes the further keys of foreign peers and refuses all others", () => {
    const foreign = { blueprintId: "b", actionId: 1, expiresAt: null, priority: 2, metadata: {} };
    expect(codeOf(decodeTransaction(bodyWith(foreign)))).toBeNull();
    expect(codeOf(decodeTransaction(bodyWith({ other: 1 })))).toBe("schema");
    let deep: JsonValue = 1;
    for (let depth = 0; depth < 100; depth += 1) deep = [deep];
    expect(codeOf(decodeTransaction(bodyWith({ metadata: deep })))).toBe("json");
  });

  test("refuses a key given twice, wherever it stands", () => {
    const text = textOf(body);
    for (const key of ["transactionId", "payloadJson", "publicKey", "algorithm"]) {
      const doubled = text.replace(`"${key}":`, `"${key}":"x","${key}":`);
      expect(codeOf(decodeTransaction(bytesOf(doubled)))).not.toBeNull();
    }
    const same = text.replace(/("createdAt":"[^"]*")/, "$1,$1");
    expect(codeOf(decodeTransaction(bytesOf(same)))).toBe("json");
    const inside = text.replace(/}$/, ',"metadata":{"a":1,"a":2}}');
    expect(codeOf(decodeTransaction(bytesOf(inside)))).toBe("json");
  });

  test("refuses lone surrogates, byte order marks, trailing bytes and broken UTF-8", () => {
    const text = textOf(body);
    const lone = text.replace('"payloadJson":"', '"payloadJson":"\\ud800');
    expect(codeOf(decodeTransaction(bytesOf(lone)))).toBe("json");
    expect(codeOf(decodeTransaction(bytesOf(`\ufeff${text}`)))).not.toBeNull();
    expect(codeOf(decodeTransaction(bytesOf(`${text}x`)))).toBe("json");
    expect(codeOf(decodeTransaction(bytesOf(`${text}\n`)))).toBeNull();
    expect(codeOf(decodeTransaction(new Uint8Array([...body, 0xc0])))).toBe("json");
  });

  test("refuses ids, hashes and signatures in any other spelling than theirs", () => {
    for (const wrong of [
      { transactionId: "" },
      { transactionId: "a b" },
      { transactionId: "é" },
      { transactionId: "a".repeat(256) },
      { transactionId: 7 },
      { payloadHash: "A".repeat(64) },
      { payloadHash: "a".repeat(63) },
      { createdAt: 1_700_000_000_000 },
      { signatures: {} },
      { signatures: [{}] },
      { signatures: [{ publicKey: "+/", signatureValue: "AA", algorithm: "ED25519" }] },
    ]) {
      expect(codeOf(decodeTransaction(bodyWith(wrong)))).toBe("schema");
    }
    const many = Array.from({ length: 17 }, () => made.bodies[0]?.signatures[0]);
    expect(codeOf(decodeTransaction(bodyWith({ signatures: many })))).toBe("size");
  });

  test("never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(decodeTransaction(bytes))).not.toBeNull();
        expect(codeOf(decodeDocket(bytes))).not.toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(codeOf(decodeTransaction(bytesOf(text)))).not.toBeNull();
        expect(codeOf(decodeDocket(bytesOf(text)))).not.toBeNull();
      }),
    );
  });
});

describe("decodeTransaction with what the docket says", () => {
  test("comes to the same outcome as without, whatever the document", () => {
    const leaf = made.docket.transactions[0] as Leaf;
    const expected = { registerId: made.docket.registerId, leaf };
    const place = fc.nat({ max: body.length - 1 });
    fc.assert(
      fc.property(place, fc.nat({ max: 30 }), fc.uint8Array({ maxLength: 20 }), (at, gone, put) => {
        const bytes = new Uint8Array([...body.slice(0, at), ...put, ...body.slice(at + gone)]);
        const guessed = decodeTransaction(bytes, expected);
        const read = decodeTransaction(bytes);
        if (read.ok || guessed.ok) expect(guessed).toEqual(read);
        else expect(guessed.refusal.code).toBe(read.refusal.code);
      }),
      { numRuns: 2000 },
    );
    expect(decodeTransaction(body, expected)).toEqual(decodeTransaction(body));
  });
});

describe("decodeDocket", () => {
  test("reads a document whatever the order of its keys", () => {
    const expected = JSON.parse(textOf(made.docketData)) as Docket;
    const reversed = Object.fromEntries(Object.entries(expected).reverse());
    expect(decodeDocket(bytesOf(JSON.stringify(reversed)))).toEqual({ ok: true, value: expected });
  });

  test("takes a missing or null proposer signature as none", () => {
    for (const signature of [null, undefined]) {
      const bytes = rewritten<Record<string, unknown>>(made.docketData, (docket) => {
        docket.proposerSignature = signature;
      });
      const outcome = decodeDocket(bytes);
      expect(outcome.ok && outcome.value.proposerSignature).toBeNull();
    }
  });

  test("takes a number in its one spelling only", () => {
    const text = textOf(made.docketData);
    for (const number of [
      "01",
      "1.0",
      "1e0",
      "-1",
      "+1",
      '"1"',
      "9007199254740993",
      "-0",
      "null",
    ]) {
      const bytes = bytesOf(text.replace('"docketNumber":1', `"docketNumber":${number}`));
      expect(codeOf(decodeDocket(bytes))).not.toBeNull();
    }
  });
});

describe("parseStrictly", () => {
  test("agrees with JSON.parse on every JSON that it takes", () => {
    fc.assert(
      fc.property(fc.json({ depthSize: "small" }), (text) => {
        const value: unknown = JSON.parse(text);
        expect(JSON.stringify(parseStrictly(text))).toBe(JSON.stringify(value));
      }),
    );
  });

  test("refuses what JSON.parse refuses", () => {
    const pieces = ["{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", "true", "null", " ", "\\"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
        const text = parts.join("");
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        if (!isJson) expect(() => parseStrictly(text)).toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

describe("bounds", () => {
  test("are those that the wire is bounded by", () => {
    expect(bounds).toMatchObject({
      pageBytes: limits.messageBytes,
      docketBytes: limits.docketBytes,
      transactionBytes: limits.transactionBytes,
      docketTransactions: limits.docketTransactions,
      pageDockets: limits.frameDockets,
      clockAheadMs: limits.clockAheadMs,
    });
  });
});

function codeOf(outcome: ReturnType<typeof decodeTransaction | typeof decodeDocket>) {
  return outcome.ok ? null : outcome.refusal.code;
}

function bodyWith(members: object): Uint8Array {
  return rewritten<object>(body, (document) => Object.assign(document, members));
}

/** The same JSON with everything outside ASCII spelled as escapes. */
function asciiOf(text: string): string {
  return text.replace(/[^\u0020-\u007e]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
