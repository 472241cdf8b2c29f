import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { configSchema, environmentName } from "../../src/runtime/config.ts";
import { hasServer } from "../support/database.ts";
import { Cluster, type TestNode } from "../support/node.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Bun.file(new URL(path, root)).text();

interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

interface ComposeService {
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  read_only?: boolean;
  cap_drop?: string[];
}

async function composeOf(): Promise<Compose> {
  return Bun.YAML.parse(await read("deploy/compose.yaml")) as Compose;
}

describe("deploy/compose.yaml", () => {
  test("sets only what is a setting, with usable values, and keeps each node to itself", async () => {
    const { services, volumes } = await composeOf();
    const keys = Object.keys(configSchema.shape) as (keyof typeof configSchema.shape)[];
    const nodes = Object.entries(services).filter(([name]) => name.startsWith("node-"));
    expect(nodes).toHaveLength(3);
    for (const [name, node] of nodes) {
      for (const [variable, value] of Object.entries(node.environment ?? {})) {
        const key = keys.find((one) => environmentName(one) === variable);
        if (key === undefined) throw new Error(`${name}: ${variable} is no setting`);
        const given = key === "seeds" ? [value] : value;
        expect(configSchema.shape[key].safeParse(given).success).toBe(true);
      }
      expect(node.environment?.PEER_DB_SCHEMA).toBe(name.replace("-", "_"));
      expect(node.volumes).toEqual([`${name}:/data`]);
      expect(Object.keys(volumes)).toContain(name);
      // Nothing is reachable from elsewhere, nothing but the volume can be written.
      for (const port of node.ports ?? []) expect(port).toStartWith("127.0.0.1:");
      expect(node).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    }
  });

  test("has no password in it, and starts a node only once the database is well", async () => {
    const { services } = await composeOf();
    expect(services.database?.healthcheck?.test).toContain("pg_isready -U peer");
    for (const { environment = {}, depends_on } of Object.values(services)) {
      const secrets = Object.values(environment).filter((value) => /PASSWORD/.test(value));
      for (const secret of secrets) expect(secret).toContain("${POSTGRES_PASSWORD:?");
      if (depends_on === undefined) continue;
      expect(depends_on).toEqual({ database: { condition: "service_healthy" } });
    }
  });
});

describe.if(hasServer())("the three nodes of deploy/compose.yaml", () => {
  const cluster = new Cluster("postgres");

  test("started as it starts them, find each other and replicate", async () => {
    const { services } = await composeOf();
    const seedAddress = `127.0.0.1:${await freePort()}`;
    const nodes: TestNode[] = [];
    for (const [name, { environment = {} }] of Object.entries(services)) {
      if (!name.startsWith("node-")) continue;
      // Their network and database are other ones here; all else is as it stands there.
      const {
        PEER_DB_CONNECTION: _,
        PEER_DB_SCHEMA: __,
        PEER_ADVERTISE: ___,
        ...rest
      } = environment;
      const PEER_SEEDS = rest.PEER_SEEDS?.replace("node-a:5001", seedAddress) ?? "";
      const node = await cluster.make(name, { environment: { ...rest, PEER_SEEDS } });
      if (name === "node-a") node.grpcAddress = seedAddress;
      await node.start();
      nodes.push(node);
    }
    const [a, ...others] = nodes as [TestNode, ...TestNode[]];
    expect((await a.cli(["health"])).code).toBe(0);
    const { registerId } = await a.import(await cluster.write("r.ndjson", '{"a":1}\n'), "r");
    for (const node of others) {
      await node.hears(registerId);
      await node.subscribe(registerId, ["--wait"]);
      expect(await node.exportHash(registerId)).toBe(await a.exportHash(registerId));
    }
    for (const node of nodes) expect(await node.stop()).toBe(0);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

describe("deploy/Dockerfile", () => {
  test("makes an image that is not root's, says how it is, and keeps nothing secret", async () => {
    const text = await read("deploy/Dockerfile");
    const [, image = ""] = text.split(/^FROM scratch$/m);
    expect(image).toMatch(/^USER 65532:65532$/m);
    expect(image).toMatch(/^HEALTHCHECK .+\\\n {2}CMD \["\/sorcha-peer", "health"\]$/m);
    expect(image).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(image).toMatch(/^VOLUME \/data$/m);
    expect(image).not.toMatch(/password|secret|token|_KEY/i);
  });

  test("builds with the Bun that the checkout names, from files that are there", async () => {
    const text = await read("deploy/Dockerfile");
    const { packageManager } = JSON.parse(await read("package.json"));
    expect(text).toContain(`npm install --global ${packageManager}\n`);
    for (const [, files = ""] of text.matchAll(/^COPY (?!--)(.+) \S+$/gm)) {
      for (const file of files.split(" ").filter((one) => one !== ".")) {
        const isThere = Bun.spawnSync(["test", "-e", new URL(file, root).pathname]).exitCode === 0;
        expect([file, isThere]).toEqual([file, true]);
      }
    }
  });
});

describe("deploy/sorcha-peer.service", () => {
  test("starts a command that the program has, and does not retry what configuration broke", async () => {
    const text = await read("deploy/sorcha-peer.service");
    expect(text).toMatch(
      /^ExecStart=\/usr\/local\/bin\/sorcha-peer serve --config \S+ --data-dir /m,
    );
    expect(text).toContain("RestartPreventExitStatus=6");
    expect(text).toContain("ExecReload=/bin/kill -HUP $MAINPID");
  });
});
