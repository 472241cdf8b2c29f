import { describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { isAddressUsable, networkGroup, scopeOf } from "../../src/peers/address.ts";
import { Allowance } from "../../src/peers/allowance.ts";
import { Book } from "../../src/peers/book.ts";
import { ExternalAddress } from "../../src/peers/external-address.ts";
import { askStun } from "../../src/peers/stun.ts";
import { systemClock } from "../../src/runtime/clock.ts";

describe("scopeOf", () => {
  test("tells what may be dialled from what is inside and what is nothing (weakness 20)", () => {
    for (const host of ["10.1.2.3", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "fd00::1"]) {
      expect(scopeOf(host)).toBe("private");
    }
    expect(scopeOf("::ffff:192.168.0.1")).toBe("private");
    expect(scopeOf("localhost")).toBe("private");
    expect(scopeOf("203.0.113.9")).toBe("public");
    expect(scopeOf("2001:db8::1")).toBe("public");
    expect(scopeOf("node.example.org")).toBe("name");
    for (const host of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"]) {
      expect(scopeOf(host)).toBe("never");
      expect(isAddressUsable({ host, port: 5001 })).toBe(false);
    }
  });

  test("a public node takes no private address from strangers", () => {
    const mayDial = (host: string) => scopeOf(host) !== "private";
    const book = new Book({ ownId: "us", nowMs: () => 0, isGenuine: () => true, mayDial });
    const record = { protocols: [], adverts: [], publicKey: null, seq: 0, signature: null };
    const told = { ...record, peerId: "x", host: "169.254.169.254", port: 80, lastSeenMs: 0 };
    expect(book.learn(told, "gossip")).toEqual({ kind: "refused", code: "bad-address" });
    expect(book.learn(told, "caller")).toEqual({ kind: "refused", code: "bad-address" });
    expect(book.learn({ ...told, host: "198.51.100.7" }, "gossip").kind).toBe("new");
  });
});

test("networkGroup puts neighbours together", () => {
  expect(networkGroup("203.0.113.9")).toBe(networkGroup("203.0.7.7"));
  expect(networkGroup("203.1.113.9")).not.toBe(networkGroup("203.0.113.9"));
  expect(networkGroup("2001:0db8::1")).toBe(networkGroup("2001:db8:7::9"));
  expect(networkGroup("a.example.org")).toBe(networkGroup("B.Example.org."));
});

test("Allowance gives its burst, then its rate, and forgets old names", () => {
  let nowMs = 0;
  const allowance = new Allowance({
    perSecond: 2,
    burst: 3,
    namesMax: 100,
    monotonicMs: () => nowMs,
  });
  expect([1, 2, 3, 4].map(() => allowance.take("a"))).toEqual([true, true, true, false]);
  nowMs += 500;
  expect([1, 2].map(() => allowance.take("a"))).toEqual([true, false]);
  for (let name = 0; name < 10_000; name += 1) allowance.take(`n${name}`);
  expect(allowance.size).toBe(100);
});

describe("ExternalAddress (weakness 50)", () => {
  const everywhere = { configured: null, bound: "0.0.0.0", own: "10.0.0.5" };
  const seenAt = (host: string, voterHost: string) => ({ host, voterHost, isTrusted: false });

  test("is the operator's word, else what a server sees, else what most peers see", () => {
    const told = new ExternalAddress({ ...everywhere, configured: "node.example.org" });
    told.noteServer("203.0.113.1");
    expect(told.host).toBe("node.example.org");
    const found = new ExternalAddress(everywhere);
    expect(found.host).toBe("10.0.0.5");
    found.note("a", seenAt("203.0.113.1", "192.0.2.1"));
    found.note("b", seenAt("203.0.113.1", "198.18.2.1"));
    for (let times = 0; times < 50; times += 1)
      found.note("liar", seenAt("198.51.100.6", "7.7.7.7"));
    expect(found.host).toBe("203.0.113.1");
    found.noteServer("203.0.113.2");
    expect(found.host).toBe("203.0.113.2");
    const bound = new ExternalAddress({ ...everywhere, bound: "127.0.0.1" });
    bound.note("a", { ...seenAt("203.0.113.1", "192.0.2.1"), isTrusted: true });
    expect(bound.host).toBe("127.0.0.1");
  });

  test("is not what strangers of one network say, however many, nor one alone", () => {
    const found = new ExternalAddress(everywhere);
    for (let at = 1; at < 30; at += 1) found.note(`l${at}`, seenAt("198.51.100.6", `7.7.7.${at}`));
    expect(found.host).toBe("10.0.0.5");
    found.note("seed", { ...seenAt("203.0.113.1", "192.0.2.1"), isTrusted: true });
    expect(found.host).toBe("203.0.113.1");
  });

  test("askStun reads what a server of RFC 5389 answers, and gives up on a silent one", async () => {
    const server = createSocket("udp4");
    let isSilent = false;
    server.on("message", (request, from) => {
      if (isSilent) return;
      const answer = Buffer.alloc(32);
      answer.writeUInt16BE(0x0101, 0);
      answer.writeUInt16BE(12, 2);
      request.copy(answer, 4, 4, 20);
      answer.writeUInt16BE(0x0020, 20);
      answer.writeUInt16BE(8, 22);
      answer.writeUInt8(1, 25);
      answer.writeUInt16BE(from.port ^ 0x2112, 26);
      const octets = from.address.split(".").map(Number);
      for (const [at, octet] of octets.entries()) {
        answer.writeUInt8(octet ^ (request[4 + at] ?? 0), 28 + at);
      }
      server.send(answer, from.port, from.address);
    });
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    const address = { host: "127.0.0.1", port: server.address().port };
    const { signal } = new AbortController();
    const asked = { clock: systemClock, timeoutMs: 2_000, signal };
    expect((await askStun(address, asked)).host).toBe("127.0.0.1");
    isSilent = true;
    const silent = askStun(address, { ...asked, timeoutMs: 50 }).catch((error) => error.code);
    expect(await silent).toBe("stun-silent");
    server.close();
  });
});
