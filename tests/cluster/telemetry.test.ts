import { afterAll, describe, expect, test } from "bun:test";
import { Cluster, lastLine, type TestNode, until } from "../support/node.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { unevenRecords } from "../support/records.ts";

const collector = new OtlpReceiver();
const cluster = new Cluster("embedded", { keep: true });
const hasPromtool = Bun.which("promtool") !== null;
const root = new URL("../../", import.meta.url).pathname;
const environment = {
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=tests",
  OTEL_METRIC_EXPORT_INTERVAL: "1000",
  PEER_HEARTBEAT_MS: "1000",
  PEER_LOG_LEVEL: "debug",
  PEER_WORKERS: "1",
};
let source: TestNode;
let copy: TestNode;
let registerId = "";

afterAll(() => collector.close());

/** One network for all of these: what it did is looked at from several sides. */
async function network(): Promise<void> {
  if (registerId !== "") return;
  source = await cluster.start("source", { environment });
  const file = await cluster.write("records.ndjson", unevenRecords(300, 7));
  registerId = (await source.import(file, "records")).registerId;
  copy = await cluster.start("copy", { seeds: [source], environment });
  await copy.hears(registerId);
  await copy.subscribe(registerId, ["--wait"]);
  const live = await cluster.write("live.ndjson", unevenRecords(5, 8));
  await source.ok(["import", live, "--register", registerId]);
  const head = (await source.register(registerId))?.headDocketNumber ?? -1;
  await copy.holds(registerId, head);
  await collected("peer.notification.receive", "copy");
}

async function collected(name: string, nodeId: string): Promise<ReceivedSpan> {
  const find = () =>
    collector.spans.find((span) => span.name === name && span.nodeId === nodeId) ?? null;
  await until(async () => find() !== null, `a span ${name} of ${nodeId}`);
  return find() as ReceivedSpan;
}

async function metricsOf(node: TestNode): Promise<string> {
  return (await fetch(`${node.httpUrl}/metrics`)).text();
}

describe("Traces (weakness 68)", () => {
  test("One sync is one trace over two nodes, and the log line of it names the trace", async () => {
    await network();
    const sync = await collected("peer.sync.full", "copy");
    const served = await collected("peer.sync.serve", "source");
    expect(sync.attributes).toMatchObject({
      "register.id": registerId,
      "peer.id": "source",
      sync_type: "full",
      success: "true",
    });
    expect(served.traceId).toBe(sync.traceId);
    expect(served.parentSpanId).toBe(sync.spanId);
    expect(served.attributes).toMatchObject({ "register.id": registerId, "peer.id": "copy" });
    const ofTrace = copy.log().filter((line) => line.traceId === sync.traceId);
    expect(ofTrace.some((line) => line.registerId === registerId)).toBe(true);
    expect(copy.log().every((line) => line.nodeId === "copy")).toBe(true);
  });

  test("Connections, heartbeats and live dockets have spans; each docket a trace of its own", async () => {
    await network();
    const connected = await collected("peer.connection.connect", "copy");
    expect(connected.attributes["peer.id"]).toBe("source");
    const beat = await collected("peer.heartbeat.send", "copy");
    expect(beat.attributes["peer.id"]).toBe("source");
    const news = await collected("peer.notification.receive", "copy");
    const sync = await collected("peer.sync.full", "copy");
    expect(news.traceId).not.toBe(sync.traceId);
  });
});

describe("Metrics (weakness 68)", () => {
  test("go to the collector and to /metrics under the same names", async () => {
    await network();
    await until(async () => collector.metricNames.has("peer.sync.duration"), "metrics");
    expect([...collector.meters]).toEqual(["Sorcha.Peer.Service"]);
    expect(new Set(collector.headers)).toEqual(new Set(["tests"]));
    const texts = await Promise.all([source, copy].map(metricsOf));
    const names = namesIn(texts.join(""));
    const wanted = [...collector.metricNames].filter((name) => name !== "peer.failover.count");
    const missing = wanted
      .map((name) => name.replaceAll(".", "_"))
      .filter((name) => !names.has(name) && !names.has(`${name}_total`));
    expect(missing).toEqual([]);
  });

  test("tell what the node did, dockets in and out alike", async () => {
    await network();
    const sent = valuesOf(await metricsOf(source));
    const taken = valuesOf(await metricsOf(copy));
    expect(taken.get('peer_dockets_total{direction="in"}')).toBeGreaterThan(3);
    expect(taken.get('peer_transactions_total{direction="in"}')).toBe(306);
    expect(sent.get('peer_transactions_total{direction="own"}')).toBe(306);
    expect(sent.get('peer_transactions_total{direction="out"}')).toBeGreaterThanOrEqual(306);
    expect(taken.get("peer_connection_status")).toBe(1);
    expect(taken.get('peer_sync_duration_count{sync_type="full"}')).toBe(1);
    expect(sent.get("peer_push_notifications_delivered_total")).toBeGreaterThan(0);
    expect(taken.get("peer_heartbeat_latency_count")).toBeGreaterThan(0);
    expect(taken.get(`peer_register_lag{register_id="${registerId}"}`)).toBe(0);
    for (const queue of queues) {
      const full = taken.get(`peer_queue_capacity{queue="${queue}"}`) ?? 0;
      expect([queue, full > 0]).toEqual([queue, true]);
      expect(taken.get(`peer_queue_depth{queue="${queue}"}`)).toBeLessThanOrEqual(full);
    }
    const isPull = (name: string) =>
      name.startsWith("peer_rpc_server_duration_count") && name.includes("SendHeartbeat");
    expect([...sent.keys()].some(isPull)).toBe(true);
  });

  test("have no label with a peer's name", async () => {
    await network();
    expect(await metricsOf(copy)).not.toMatch(/="(source|copy|other|far)"/);
  });

  test("all that the dashboard and the alert rules name are there", async () => {
    await network();
    await copy.ok(["peers", "ban", "source"]);
    const isRejected = async () =>
      /heartbeat_rejections_total\{reason="banned"/.test(await metricsOf(copy));
    await until(isRejected, "a call of a banned peer to be counted");
    await copy.ok(["peers", "unban", "source"]);
    expect(await metricsOf(copy)).toMatch(/peer_bans_total\{reason="operator"\} 1/);
    const names = namesIn(await metricsOf(copy));
    const files = ["deploy/grafana-dashboard.json", "deploy/alerts.yaml"];
    const texts = await Promise.all(files.map((file) => Bun.file(root + file).text()));
    const named = texts.flatMap((text) => text.match(/\bpeer_[a-z_]+/g) ?? []);
    const missing = [...new Set(named)].filter((name) => !names.has(name) && !isRare(name));
    expect(missing).toEqual([]);
    const documented = await Bun.file(`${root}docs/operating.md`).text();
    const silent = [...collector.metricNames].filter((name) => !documented.includes(`\`${name}\``));
    expect(silent).toEqual([]);
  });

  test.skipIf(!hasPromtool)("and rules are what promtool takes (skipped without it)", async () => {
    await network();
    const text = await metricsOf(copy);
    expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, said: "" });
    const checked = await promtool(["check", "rules", `${root}deploy/alerts.yaml`]);
    expect(checked.code).toBe(0);
  });
});

test("Logs name node, peer, register and trace, and never a token, a key or a record", async () => {
  await network();
  const record = "only-the-readers-of-this-register";
  await source.ok(["tx", "submit", registerId, JSON.stringify({ record })]);
  const token = lastLine(await source.ok(["token", "--service"]));
  const foreign = `${token.slice(0, -9)}AAAAAAAAA`;
  for (const authorization of [
    `Bearer ${token}`,
    `Bearer ${foreign}`,
    "Basic b3BlcmF0b3I6c2VjcmV0",
  ]) {
    await fetch(`${source.httpUrl}/api/config`, { headers: { authorization } });
    await fetch(`${source.httpUrl}/api/tokens/revoke`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ token: foreign }),
    });
  }
  await source.cli(["tx", "submit", registerId, "{broken"]);
  const secrets = [record, token, foreign, "b3BlcmF0b3I6c2VjcmV0"];
  for (const node of [source, copy]) {
    for (const file of ["jwt.key", "node.key"]) {
      secrets.push((await Bun.file(`${node.dataDir}/${file}`).text()).trim());
    }
  }
  for (const node of [source, copy]) {
    const text = await Bun.file(node.logFile).text();
    expect(node.log().length).toBeGreaterThan(1);
    expect(secrets.filter((secret) => secret.length < 16 || text.includes(secret))).toEqual([]);
    expect(node.log().every((line) => line.nodeId === node.name)).toBe(true);
  }
  const lines = copy.log();
  for (const name of ["peerId", "registerId", "traceId"]) {
    expect([name, lines.some((line) => typeof line[name] === "string")]).toEqual([name, true]);
  }
});

test("A collector that is gone costs a warning, and the node serves and stops as ever", async () => {
  await network();
  const dead = new OtlpReceiver();
  const told = { ...environment, OTEL_EXPORTER_OTLP_ENDPOINT: dead.url };
  await dead.close();
  const node = await cluster.start("lonely", { environment: told });
  const isWarned = () =>
    node.log().filter((line) => line.part === "telemetry" && line.level === "warn").length;
  await until(async () => isWarned() > 0, "a warning");
  expect((await fetch(`${node.httpUrl}/readyz`)).status).toBe(200);
  expect(await node.stop()).toBe(0);
  expect(isWarned()).toBe(1);
});

/** The last: it ends one of the nodes that the others look at. */
test("A source that is left for another one is a failover with its reason", async () => {
  await network();
  const other = await cluster.start("other", { seeds: [source], environment });
  await other.hears(registerId);
  await other.subscribe(registerId, ["--wait"]);
  const far = await cluster.start("far", { seeds: [source, other], environment });
  await far.hears(registerId);
  await far.subscribe(registerId, ["--wait"]);
  const served = (await far.register(registerId))?.subscription?.sourcePeerId;
  const one = [source, copy, other].find((node) => node.name === served) as TestNode;
  await one.kill();
  const failover = await collected("peer.connection.failover", "far");
  expect(failover.attributes.from_node).toBe(served as string);
  expect(failover.attributes.reason).not.toBe("");
  expect(await metricsOf(far)).toMatch(/peer_failover_count_total\{reason="[a-z-]+"\} \d+/);
});

/** Every bounded queue in which things wait. */
const queues = [
  ...["sealing", "sealing-inbox", "pending", "pending-bytes", "fetching", "telling"],
  ...["lines-bytes", "storing-bytes", "verifying", "feed", "event-readers", "events"],
];

/** Names of rare events, which a node that met none of them does not tell. */
function isRare(name: string): boolean {
  return ["peer_quarantines_total", "peer_refusals_total", "peer_certificate_expiry"].includes(
    name,
  );
}

function namesIn(text: string): Set<string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Set(
    lines.map((line) => (line.startsWith("#") ? line.split(" ")[2] : line.split(/[ {]/)[0]) ?? ""),
  );
}

function valuesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function promtool(words: string[], input = ""): Promise<{ code: number; said: string }> {
  const child = Bun.spawn(["promtool", ...words], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, said: words[1] === "rules" ? "" : said + problems };
}
