import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { Connections } from "../../src/wire/connections.ts";

let nowMs = 0;
let port = 1_000;

class FakeSocket extends EventEmitter {
  isDestroyed = false;
  constructor(
    readonly remoteAddress: string | undefined,
    readonly remotePort = port++,
  ) {
    super();
  }

  get address(): string {
    return `${this.remoteAddress}:${this.remotePort}`;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }
}

function opened(countMax = 6, perHostMax = 4) {
  const connections = new Connections({
    countMax,
    perHostMax,
    silentMs: 10_000,
    monotonicMs: () => nowMs,
  });
  const connect = (host = "10.0.0.1", from?: number) => {
    const socket = new FakeSocket(host, from);
    connections.take(socket);
    return socket;
  };
  return { connections, connect };
}

test("A host's silent connections make way for its next, the oldest first, and for nobody else's", () => {
  const { connections, connect } = opened();
  const other = connect("10.0.0.2");
  const silent = Array.from({ length: 7 }, () => connect());
  expect(silent.map((socket) => socket.isDestroyed)).toEqual([
    ...[true, true, true],
    ...[false, false, false, false],
  ]);
  expect(other.isDestroyed).toBe(false);
  expect(connections.count).toBe(5);
});

test("Who made a call goes after all who made none, and never while one is open", () => {
  const { connections, connect } = opened();
  const [busy, used, silent] = [connect(), connect(), connect()];
  connections.callBegins(busy.address);
  connections.callBegins(used.address)();
  const busy2 = connect();
  connections.callBegins(busy2.address);
  connections.callBegins(connect().address);
  expect([silent.isDestroyed, used.isDestroyed]).toEqual([true, false]);
  connections.callBegins(connect().address);
  expect(used.isDestroyed).toBe(true);
  expect(connect().isDestroyed).toBe(true);
  expect([busy.isDestroyed, busy2.isDestroyed]).toEqual([false, false]);
});

test("All hosts together have a bound, IPv6 customers one share each, and places come back", () => {
  const { connections, connect } = opened();
  for (let at = 0; at < 20; at += 1) connect(`2001:db8:0:1::${at}`);
  expect(connections.count).toBe(4);
  const sockets = Array.from({ length: 20 }, (_, at) => connect(`10.0.${at}.1`));
  expect(connections.count).toBe(6);
  for (const socket of sockets) socket.destroy();
  expect(connections.count).toBe(0);
});

test("A connection without a call has its time, one that made a call stays", () => {
  const { connections, connect } = opened();
  const used = connect();
  connections.callBegins(used.address)();
  const silent = connect();
  nowMs += 5_000;
  const later = connect();
  nowMs += 5_000;
  expect(connections.endSilent()).toBe(1);
  expect([used, silent, later].map((one) => one.isDestroyed)).toEqual([false, true, false]);
});

test("A port that is used again before its old connection is known to be over counts once", () => {
  const { connections, connect } = opened();
  const old = connect("10.0.0.1", 77);
  const again = connect("10.0.0.1", 77);
  old.emit("close");
  expect(connections.count).toBe(1);
  for (let at = 0; at < 3; at += 1) connections.callBegins(connect().address);
  expect(again.isDestroyed).toBe(false);
  const gone = new FakeSocket(undefined);
  connections.take(gone);
  expect([gone.isDestroyed, connections.count]).toEqual([true, 4]);
});
