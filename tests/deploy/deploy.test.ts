import { describe, expect, test } from "bun:test";
import { configSchema, environmentName } from "../../src/runtime/config.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Bun.file(new URL(path, root)).text();

interface Compose {
  services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>;
  volumes: Record<string, unknown>;
}

describe("deploy/compose.yaml", () => {
  test("sets only what is a setting, with usable values, and keeps each node to itself", async () => {
    const { services, volumes } = Bun.YAML.parse(await read("deploy/compose.yaml")) as Compose;
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
    }
  });
});

describe("deploy/Dockerfile", () => {
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
