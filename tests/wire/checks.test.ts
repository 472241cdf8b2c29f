import { describe, expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import {
  checkAdvert,
  checkDocketTransactionRequest,
  checkFollowRequest,
  checkHelloRequest,
  checkPeerInfo,
  checkPullRangeRequest,
  checkRegisterId,
} from "../../src/wire/checks.ts";
import { discovery, heartbeat, replication } from "../../src/wire/services.ts";

const nothing = new Uint8Array();
const advert = {
  ...(heartbeat.sendHeartbeat.request.decode(Uint8Array.from([0x32, 0])).advertisedRegisters[0] ??
    never()),
  registerId: "r1",
};
const range = { ...replication.pullRange.request.decode(nothing), registerId: "r1" };
const hello = {
  ...replication.hello.request.decode(nothing),
  nodeId: "a",
  nonce: new Uint8Array(32),
};

describe("a check", () => {
  test("lets through what is well-formed", () => {
    checkRegisterId("aebf26362e079087571ac0932d4db973");
    checkRegisterId("A.b_c:d-1");
    checkPeerInfo({ ...peerInfo(), address: "[::1]" });
    checkAdvert(advert);
    checkPullRangeRequest(range);
    checkHelloRequest(hello);
  });

  const refused: [string, () => void][] = [
    ["register_id", () => checkRegisterId("")],
    ["register_id", () => checkRegisterId("x".repeat(256))],
    ["register_id", () => checkRegisterId("a b")],
    ["register_id", () => checkRegisterId("../etc")],
    ["next_docket", () => checkPullRangeRequest({ ...range, nextDocket: -1 })],
    ["docket_count_max", () => checkPullRangeRequest({ ...range, docketCountMax: -1 })],
    ["bytes_max", () => checkPullRangeRequest({ ...range, bytesMax: -1 })],
    ["peer_id", () => checkPeerInfo({ ...peerInfo(), peerId: "a:b" })],
    ["address", () => checkPeerInfo({ ...peerInfo(), address: "http://a/" })],
    ["port", () => checkPeerInfo({ ...peerInfo(), port: 0 })],
    ["port", () => checkPeerInfo({ ...peerInfo(), port: 70_000 })],
    ["name", () => checkAdvert({ ...advert, name: "x".repeat(256) })],
    ["genesis_hash", () => checkAdvert({ ...advert, genesisHash: "AB" })],
    ["docket_count", () => checkAdvert({ ...advert, docketCount: -1 })],
    ["nonce", () => checkHelloRequest({ ...hello, nonce: new Uint8Array(31) })],
    ["public_key", () => checkHelloRequest({ ...hello, publicKey: new Uint8Array(5) })],
    ["features", () => checkHelloRequest({ ...hello, features: Array(65).fill("f") })],
    [
      "transaction_types",
      () =>
        checkFollowRequest({
          registerId: "r1",
          nextDocket: 0,
          transactionTypes: Array(1_001).fill("t"),
          participantIds: [],
        }),
    ],
    [
      "transaction_ids",
      () =>
        checkDocketTransactionRequest({
          registerId: "r1",
          peerId: "",
          transactionIds: Array(10_001).fill("t"),
        }),
    ],
  ];
  test.each(refused)("refuses a bad %s by its name", (field, check) => {
    try {
      check();
    } catch (error) {
      expect(error).toBeInstanceOf(PeerError);
      expect((error as PeerError).message).toContain(field);
      expect(["invalid", "too-large"]).toContain((error as PeerError).kind);
      return;
    }
    throw new Error("not refused");
  });
});

function peerInfo() {
  const { response } = discovery.getPeerList;
  const [empty] = response.decode(Uint8Array.from([0x0a, 0])).peers;
  return { ...(empty ?? never()), peerId: "a", address: "127.0.0.1", port: 5001 };
}

function never(): never {
  throw new Error("an empty message decodes");
}
