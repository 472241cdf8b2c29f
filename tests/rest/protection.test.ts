import { afterAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { limitedAs } from "../../src/base/host.ts";
import { CallerAddresses } from "../../src/rest/address.ts";
import * as rest from "../../src/rest/app.ts";
import { Rates } from "../../src/rest/rates.ts";
import { Rest } from "./rest-of.ts";

afterAll(() => rest.close());

describe("CallerAddresses", () => {
  test("believes only what trusted proxies wrote, and the last stranger before them", () => {
    const addresses = new CallerAddresses(["10.0.0.0/8", "::1"]);
    const cases: [string | null, string | null, string][] = [
      ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
      ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
      ["::ffff:10.0.0.1", "1.2.3.4, 198.51.100.1, 10.9.9.9", "198.51.100.1"],
      ["::1", "[2001:db8::7]", "2001:db8::7"],
      ["10.0.0.1", null, "10.0.0.1"],
      ["10.0.0.1", "nonsense", "10.0.0.1"],
      [null, "198.51.100.1", ""],
    ];
    for (const [connected, told, is] of cases) expect(addresses.of(connected, told)).toBe(is);
  });

  test("IPv6 callers are limited by network", () => {
    expect(limitedAs("2001:db8:0:1:2::3")).toBe("2001:db8:0:1::/64");
    expect(limitedAs("2001:0db8::1:3")).toBe("2001:db8:0:0::/64");
    expect(limitedAs("192.0.2.1")).toBe("192.0.2.1");
  });
});

describe("Rates", () => {
  test("let a minute's worth in at once and then as fast as it fills", () => {
    let nowMs = 0;
    const settings = { readsPerMinute: 60, writesPerMinute: 2, servicePerMinute: 1 };
    const rates = new Rates(settings, () => nowMs);
    for (let count = 0; count < 60; count += 1) rates.take("read", "a");
    expect(() => rates.take("read", "a")).toThrow(/60 a minute/);
    rates.take("read", "b");
    nowMs += 1_000;
    rates.take("read", "a");
    expect(() => rates.take("read", "a")).toThrow();
    rates.change({ ...settings, readsPerMinute: 600 });
    nowMs += 100;
    rates.take("read", "a");
  });
});

describe("rate limits", () => {
  test("beyond them 429 and when to come again; probes and services go on", async () => {
    const api = await Rest.open({ protection: { readsPerMinute: 3, writesPerMinute: 2 } });
    for (let count = 0; count < 3; count += 1) {
      expect((await api.get("/api/registers")).status).toBe(200);
    }
    const refused = await api.get("/api/peers");
    expect(refused).toMatchObject({ status: 429, body: { code: "rate-limited" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await api.get("/no/such/path")).status).toBe(429);
    expect((await api.get("/openapi/v1.json")).status).toBe(429);
    for (const probe of ["/livez", "/readyz", "/health", "/alive"]) {
      expect((await api.get(probe, { token: "nonsense" })).status).toBe(200);
    }
    const token = await api.mint();
    expect((await api.get("/api/registers", { token })).status).toBe(200);
    const user = await api.mint({ isService: false });
    expect((await api.get("/api/registers", { token: user })).status).toBe(429);
  });

  test("bad tokens are counted: guessing is slow", async () => {
    const api = await Rest.open({ protection: { writesPerMinute: 2 } });
    const answers = [];
    for (let count = 0; count < 3; count += 1) {
      answers.push((await api.get("/api/registers", { token: "nonsense" })).status);
    }
    expect(answers).toEqual([401, 401, 429]);
  });

  test("behind a trusted proxy each caller has its own, else all share one", async () => {
    const ask = (api: Rest, address: string) =>
      api.get("/api/registers", { headers: { "x-forwarded-for": address } });
    const strict = await Rest.open({ protection: { readsPerMinute: 1 } });
    expect((await ask(strict, "192.0.2.1")).status).toBe(200);
    expect((await ask(strict, "192.0.2.2")).status).toBe(429);
    const proxied = await Rest.open({
      protection: { readsPerMinute: 1, trustedProxies: ["127.0.0.0/8"] },
    });
    expect((await ask(proxied, "192.0.2.1")).status).toBe(200);
    expect((await ask(proxied, "192.0.2.2")).status).toBe(200);
    expect((await ask(proxied, "192.0.2.1")).status).toBe(429);
  });
});

describe("abuse", () => {
  test("a body that does not come is given up with 408", async () => {
    const api = await Rest.open({ protection: { bodyMs: 100 } });
    const token = await api.mint();
    const answer = await rawRequest(
      api.url,
      `POST /api/registers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        "Content-Length: 100\r\n\r\n{",
    );
    expect(answer).toStartWith("HTTP/1.1 408");
    expect(answer).toContain('"slow-request"');
  });

  test("a request's head that never ends is cut off and takes no memory", async () => {
    const api = await Rest.open();
    const socket = await openSocket(Number(new URL(api.url).port));
    const answer: Buffer[] = [];
    socket.on("data", (part) => answer.push(Buffer.from(part)));
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n");
    const line = `X-Filler: ${"x".repeat(1_000)}\r\n`;
    let sent = 0;
    while (!socket.destroyed && sent < 1_000) {
      sent += 1;
      if (!socket.write(line)) await Promise.race([closed, once(socket, "drain")]);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    expect(sent).toBeLessThan(1_000);
    expect(Buffer.concat(answer).toString()).not.toContain("HTTP/1.1 200");
    expect((await api.get("/livez")).status).toBe(200);
  });

  test("2,000 heads that trickle in are ended, and others are served meanwhile", async () => {
    const api = await Rest.open();
    const port = Number(new URL(api.url).port);
    const sockets = await Promise.all(Array.from({ length: 2_000 }, () => openSocket(port)));
    let openCount = sockets.length;
    for (const socket of sockets) {
      socket.on("error", () => undefined);
      socket.once("close", () => openCount--);
      socket.write("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    }
    let servedCount = 0;
    while (openCount > 0) {
      for (const socket of sockets) if (!socket.destroyed) socket.write("a");
      expect((await api.get("/livez")).status).toBe(200);
      servedCount += 1;
      await Bun.sleep(1_000);
    }
    expect(servedCount).toBeGreaterThan(1);
  }, 60_000);

  test("10,000 idle connections do not stop the service", async () => {
    const api = await Rest.open();
    const port = Number(new URL(api.url).port);
    const sockets: Socket[] = [];
    try {
      for (let batch = 0; batch < 20; batch += 1) {
        const opened = Array.from({ length: 500 }, () => openSocket(port));
        sockets.push(...(await Promise.all(opened)));
      }
      expect(sockets).toHaveLength(10_000);
      expect((await api.get("/api/registers")).status).toBe(200);
      const token = await api.mint();
      expect((await api.post("/api/registers", { token, body: { name: "r" } })).status).toBe(201);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }, 60_000);

  test("every answer carries the security headers, pages of others only where configured", async () => {
    const api = await Rest.open({ protection: { corsOrigins: ["https://desk.example"] } });
    for (const path of ["/", "/livez", "/api/registers", "/nothing", "/openapi/v1.json"]) {
      const { headers } = await api.get(path, { headers: { origin: "https://evil.example" } });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
    const origin = "https://desk.example";
    const asked = await api.send("/api/registers", { method: "OPTIONS", headers: { origin } });
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(origin);
    const evil = { origin: "https://evil.example" };
    expect((await api.send("/api/x", { method: "OPTIONS", headers: evil })).status).toBe(404);
  });
});

describe("Idempotency-Key", () => {
  test("a repeated request gets the first answer, also while that is on its way", async () => {
    const api = await Rest.open();
    const token = await api.mint();
    const create = (key: string, body = { name: "r" }) =>
      api.post("/api/registers", { token, body, headers: { "idempotency-key": key } });
    const answers = await Promise.all([create("k"), create("k"), create("k")]);
    expect(new Set(answers.map(({ body }) => body.registerId)).size).toBe(1);
    expect((await create("k")).headers.get("idempotency-replayed")).toBe("true");
    expect(api.node.registers.size).toBe(1);
    expect((await create("other")).body.registerId).not.toBe(answers[0]?.body.registerId);
    expect(await create("k", { name: "another" })).toMatchObject({
      status: 422,
      body: { code: "idempotency-key-reused" },
    });
    expect(await create("a b")).toMatchObject({
      status: 400,
      body: { code: "bad-idempotency-key" },
    });
  });

  test("belongs to its caller, and what failed may be tried again", async () => {
    const api = await Rest.open();
    const [one, two] = [await api.mint({ subject: "one" }), await api.mint({ subject: "two" })];
    const headers = { "idempotency-key": "k" };
    const body = { name: "r" };
    await api.post("/api/registers", { token: one, body, headers });
    await api.post("/api/registers", { token: two, body, headers });
    expect(api.node.registers.size).toBe(2);
    const subscribe = { token: one, body: { mode: "full-replica" }, headers };
    expect((await api.post("/api/registers/x/subscribe", subscribe)).status).toBe(404);
    api.node.available = [
      {
        registerId: "x",
        name: null,
        description: null,
        peerCount: 1,
        latestVersion: 1,
        latestDocketVersion: 0,
        isPublic: true,
        fullReplicaPeerCount: 1,
        genesisHash: null,
      },
    ];
    expect((await api.post("/api/registers/x/subscribe", subscribe)).status).toBe(201);
    expect((await api.post("/api/registers/x/subscribe", subscribe)).status).toBe(201);
  });
});

function rawRequest(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}
