import { expect, test } from "bun:test";
import { present } from "../../src/base/assert.ts";
import { loadAdvertSettings, saveAdvertSettings } from "../../src/peers/advert-settings-table.ts";
import { newPeer, type Peer } from "../../src/peers/peer.ts";
import { deletePeers, loadPeers, savePeers } from "../../src/peers/peers-table.ts";
import { appendEvents, listEvents } from "../../src/registers/events-table.ts";
import { limits } from "../../src/runtime/limits.ts";
import * as store from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";

const nowMs = 1_800_000_000_000;

function peer(peerId: string, changes: Partial<Peer> = {}): Peer {
  const record = {
    peerId,
    host: "203.0.113.1",
    port: 5001,
    protocols: ["GrpcStream"],
    adverts: [],
    publicKey: new Uint8Array(32).fill(1),
    seq: 3,
    signature: new Uint8Array(64).fill(2),
    lastSeenMs: 0,
  };
  const made = newPeer(record, { nowMs, sourceGroup: "198.51" });
  return { ...made, record, publicKey: record.publicKey, seq: 3, lastSeenMs: nowMs, ...changes };
}

onEachStore("peers", () => {
  test("come back as they were, bans first (weakness 58)", async () => {
    const banned = peer("banned", { isBanned: true, bannedAtMs: nowMs, banReason: "junk" });
    const quarantine = { untilMs: nowMs + 5, reason: "It lied", count: 2 };
    const good = peer("good", {
      isTried: true,
      isCertified: true,
      isAnchor: true,
      isManual: true,
      quarantine,
    });
    await savePeers(store.sql(), [good, banned, peer("gone")]);
    await savePeers(store.sql(), [{ ...good, failureCount: 2 }]);
    await deletePeers(store.sql(), ["gone"]);
    const stored = await loadPeers(store.sql(), { nowMs, countMax: 10 });
    expect(stored.map((one) => one.peerId)).toEqual(["banned", "good"]);
    expect(stored[0]).toMatchObject({ isBanned: true, banReason: "junk", bannedAtMs: nowMs });
    expect(stored[1]).toMatchObject({
      isTried: true,
      isCertified: true,
      isAnchor: true,
      isManual: true,
      isSeed: false,
      quarantine,
      failureCount: 2,
      sourceGroup: "198.51",
      connection: "known",
      seq: 3,
      protocols: ["GrpcStream"],
    });
  });

  test("keep a long record only where it is signed; many are stored in several statements", async () => {
    const advert = { registerId: "r", genesisHash: null, isPublic: true, name: null };
    const heights = { latestVersion: 1, latestDocketVersion: 0, docketCount: 1 };
    const said = { ...advert, ...heights, description: null, syncState: "Active" as const };
    const made = Array.from({ length: 2 * limits.peersSavedAtOnce + 1 }, (_, index) => {
      const one = peer(`many ${index}`);
      const signature = index % 2 === 0 ? new Uint8Array(64) : null;
      const adverts = [{ ...said, hasFullReplica: true }];
      return { ...one, record: { ...present(one.record, "a record"), signature, adverts } };
    });
    await savePeers(store.sql(), made);
    const stored = await loadPeers(store.sql(), { nowMs, countMax: 1_000 });
    const many = stored.filter((one) => one.peerId.startsWith("many"));
    expect(many.length).toBe(made.length);
    for (const { peerId, record } of many) {
      const isEven = Number(peerId.slice("many ".length)) % 2 === 0;
      expect(record?.adverts.length).toBe(isEven ? 1 : 0);
    }
    await deletePeers(
      store.sql(),
      many.map((one) => one.peerId),
    );
  });

  test("are told apart in the event log", async () => {
    const event = { atMs: nowMs, registerId: null, message: "Banned", facts: { count: 2 } };
    await appendEvents(store.sql(), [
      { ...event, type: "peer.banned", peerId: "a" },
      { ...event, type: "peer.banned", peerId: "b" },
    ]);
    const events = await listEvents(store.sql(), { peerId: "a", countMax: 10 });
    expect(events).toMatchObject([{ peerId: "a", registerId: null, facts: { count: 2 } }]);
  });

  test("are not told of registers that the operator hides, after a restart too", async () => {
    await saveAdvertSettings(store.sql(), new Map([["hidden", false]]));
    await saveAdvertSettings(store.sql(), new Map([["shown", true]]));
    const settings = await loadAdvertSettings(store.sql());
    expect([...settings].toSorted()).toEqual([
      ["hidden", false],
      ["shown", true],
    ]);
  });
});
