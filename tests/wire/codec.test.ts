import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PeerError } from "../../src/base/error.ts";
import { timestampOf } from "../../src/wire/docket-sync-messages.ts";
import { unixMs } from "../../src/wire/messages.ts";
import { discovery, docketSync, heartbeat, registerSync } from "../../src/wire/services.ts";

const { request } = heartbeat.sendHeartbeat;

describe("a codec", () => {
  test("gives every field, with its default where it was left out", () => {
    expect(request.decode(new Uint8Array())).toEqual({
      peerId: "",
      timestamp: 0,
      sequenceNumber: 0,
      registerVersions: {},
      metrics: null,
      advertisedRegisters: [],
      publicOnly: false,
    });
  });

  test("brings numbers up to 2^53 through as numbers, also in maps and inside messages", () => {
    const large = Number.MAX_SAFE_INTEGER;
    const sent = {
      sequenceNumber: large,
      registerVersions: { r1: large },
      advertisedRegisters: [{ registerId: "r1", docketCount: large, name: "Größe" }],
    };
    expect(request.decode(request.encode(sent))).toMatchObject(sent);
  });

  test("refuses numbers that would be rounded, wherever they are", () => {
    // 2^53 in the sequence number, as a map's value, and in a message inside.
    const varint = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    for (const bytes of [
      [0x18, ...varint],
      [0x22, 12, 0x0a, 1, 0x61, 0x10, ...varint],
      [0x32, 9, 0x18, ...varint],
    ]) {
      expect(() => request.decode(Uint8Array.from(bytes))).toThrow("beyond 2^53");
    }
  });

  test("throws nothing but `invalid`, whatever the bytes", () => {
    const codecs = [
      request,
      discovery.exchangePeers.request,
      registerSync.pullDocketTransactions.request,
      docketSync.syncDockets.response,
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...codecs), (bytes, codec) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError);
          expect((error as PeerError).kind).toBe("invalid");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("writes what another version of the contract can skip", () => {
    const { response } = discovery.getPeerList;
    const bytes = response.encode({ peers: [{ peerId: "a", recordSeq: 7 }], totalPeers: 1 });
    const unknownField = Uint8Array.from([...bytes, 0xfa, 0x3f, 1, 0x61]);
    expect(response.decode(unknownField)).toEqual(response.decode(bytes));
  });
});

test("unixMs reads seconds and milliseconds", () => {
  expect(unixMs(1_767_225_600)).toBe(1_767_225_600_000);
  expect(unixMs(1_767_225_600_123)).toBe(1_767_225_600_123);
  expect(unixMs(0)).toBe(0);
});

test("timestampOf keeps the milliseconds", () => {
  expect(timestampOf(1_767_225_600_123)).toEqual({ seconds: 1_767_225_600, nanos: 123_000_000 });
});
