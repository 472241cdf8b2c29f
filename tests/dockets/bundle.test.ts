import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import schema from "../../proto/replication.proto" with { type: "text" };
import { encodeBundle, encodePage, readBundle, scanPage } from "../../src/dockets/bundle.ts";
import { transactionKey } from "../../src/dockets/columns.ts";
import { sha256Hex } from "../../src/dockets/hash.ts";
import { publicKeyOfSeed, rawPublicKeyOf, spkiOf } from "../../src/dockets/keys.ts";

const Page = protobuf.parse(schema).root.lookupType("sorcha.peer.replication.v1.DocketPage");
const documents = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
const bundles = fc.array(
  fc.record({ docketData: fc.uint8Array({ maxLength: 200 }), transactionData: documents }),
  { maxLength: 5 },
);
const number = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());

describe("encodePage and scanPage", () => {
  test("agree with each other and with protobuf", () => {
    fc.assert(
      fc.property(bundles, number, number, (list, headNumber, firstVersion) => {
        const encoded = list.map(encodeBundle);
        const bytes = encodePage({ bundles: encoded, headNumber, firstVersion });
        const scanned = scanPage(bytes);
        if (!scanned.ok) throw new Error(scanned.refusal.message);
        expect(scanned.value).toMatchObject({ headNumber, firstVersion });
        expect(scanned.value.bundles.length).toBe(list.length);
        for (const [index, { offset, length }] of scanned.value.bundles.entries()) {
          const bundle = readBundle(bytes.subarray(offset, offset + length));
          expect(plain(bundle)).toEqual(plain(list[index]));
        }
        const read = Page.toObject(Page.decode(bytes), { longs: Number, defaults: true });
        expect(read.headNumber).toBe(headNumber);
        expect(read.bundles.map(plain)).toEqual(list.map(plain));
      }),
    );
  });

  test("know one spelling of the framing only", () => {
    for (const bytes of [
      [0x0a, 0x80, 0x00], // A length of 0 in two bytes.
      [0x0a, 0x02, 0x12, 0x00], // A bundle without its docket.
      [0x0a, 0x04, 0x12, 0x00, 0x0a, 0x00], // The docket behind a transaction.
      [0x0a, 0x04, 0x0a, 0x00, 0x0a, 0x00], // Two dockets in a bundle.
      [0x0a, 0x04, 0x0a, 0x00, 0x1a, 0x00], // A field that is not known.
      [0x0a, 0x03, 0x0a, 0x05, 0x00], // A document that is longer than its bundle.
      [0x18, 0x01, 0x10, 0x01], // The hints in the wrong order.
      [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // -1.
      [0x10],
      [0x00],
    ]) {
      expect(scanPage(new Uint8Array(bytes)).ok).toBe(false);
    }
    expect(scanPage(new Uint8Array([0x0a, 0x02, 0x0a, 0x00])).ok).toBe(true);
  });
});

describe("transactionKey", () => {
  test("is the front of a hash, and of the hash of any other id", () => {
    const id = sha256Hex("x");
    expect(Buffer.from(transactionKey(id)).toString("hex")).toBe(id.slice(0, 32));
    expect(transactionKey("x")).toEqual(transactionKey(id));
    expect(transactionKey(id.toUpperCase())).not.toEqual(transactionKey(id));
  });
});

describe("keys", () => {
  test("go from raw to X.509 and back", () => {
    const raw = publicKeyOfSeed(new Uint8Array(32).fill(7));
    expect(raw.length).toBe(32);
    expect(rawPublicKeyOf(spkiOf(raw))).toEqual(raw);
    expect(rawPublicKeyOf(raw)).toBeNull();
    expect(rawPublicKeyOf(new Uint8Array(44))).toBeNull();
  });
});

function plain(bundle: unknown): unknown {
  const { docketData, transactionData } = bundle as {
    docketData: Uint8Array;
    transactionData: Uint8Array[];
  };
  return [docketData, ...transactionData].map((data) => Buffer.from(data).toString("hex"));
}
