import { describe, expect, test } from "bun:test";
import {
  type ConfigKey,
  configSchema,
  environmentName,
  loadConfig,
  unknownVariables,
  viewSettings,
} from "../../src/runtime/config.ts";
import { allowedIn } from "../../src/runtime/setting-kinds.ts";

const keys = Object.keys(configSchema.shape) as ConfigKey[];
/** Texts of any form; every other setting has values that it refuses. */
const anyText: ConfigKey[] = ["dataDir", "host", "peerTokenFile", "jwtIssuer", "jwtAudience"];
anyText.push("tlsCertificate", "tlsKey", "tlsCa");

/** What no setting of the kind may be, as the text of a variable. */
function wrongTexts(key: ConfigKey): string[] {
  const allowed = allowedIn(configSchema.shape[key]);
  if (allowed.kind !== "number") return anyText.includes(key) ? [] : ["? ?"];
  const { min, max, isWhole } = allowed;
  const halves = isWhole ? [String(min + 0.5)] : [];
  return [String(min - 1), String(max + 1), "many", "0x10", "1e1", ...halves];
}

function refusal(layers: Parameters<typeof loadConfig>[0]): string {
  try {
    loadConfig(layers);
  } catch (thrown) {
    expect(thrown).toMatchObject({ kind: "configuration" });
    return (thrown as Error).message;
  }
  return "taken";
}

describe("a value that is not usable", () => {
  test("stops the start with the key, the value, what is allowed, and where it came from", () => {
    for (const key of keys) {
      const name = environmentName(key);
      const allowed = allowedIn(configSchema.shape[key]);
      for (const text of wrongTexts(key)) {
        const said = refusal({ environment: { [name]: text } });
        expect([name, text, said]).toEqual([name, text, expect.stringMatching(/^Setting \w+ = /)]);
        expect(said).toContain(`Setting ${key} = `);
        expect(said).toContain(`(from ${name}) is not usable: it must be `);
        if (allowed.kind === "number" && !/BYTES_PER_SECOND/.test(name)) {
          expect(said).toEndWith(`from ${allowed.min} to ${allowed.max}`);
        }
        if (allowed.kind === "choice") expect(said).toEndWith(allowed.values.join(" or "));
      }
    }
  });

  test("of another kind in the file, or on the command line, likewise", () => {
    for (const key of keys) {
      for (const value of [null, {}, [{}]]) {
        const said = refusal({ file: { [key]: value } });
        expect([key, said]).toEqual([key, expect.stringContaining(`Setting ${key} = `)]);
        expect(said).toContain("(from the config file) is not usable: it must be ");
      }
    }
    expect(refusal({ flags: { httpPort: "99999" } })).toBe(
      'Setting httpPort = "99999" (from the command line) is not usable: ' +
        "it must be a whole number from 0 to 65535",
    );
  });

  test("that is secret is not shown", () => {
    const said = [
      refusal({ environment: { PEER_JWT_SIGNING_KEY: "hush" } }),
      refusal({ environment: { JwtSettings__SigningKey: "hush" } }),
      refusal({ file: { dbConnection: "mysql://hush" } }),
      refusal({ environment: { PEER_OTLP_HEADERS: "hush" } }),
      refusal({ file: { jwtVerificationKeys: ["hush"] } }),
    ];
    for (const sentence of said) {
      expect(sentence).not.toContain("hush");
      expect(sentence).toContain("= *** (from ");
    }
    expect(said[1]).toContain("(from JwtSettings__SigningKey)");
  });
});

describe("where a value comes from", () => {
  test("a flag before the environment, that before the file, that before the default", () => {
    const file = { httpPort: 1, grpcPort: 2, nodeId: "file", logLevel: "error" };
    const environment = { PEER_HTTP_PORT: "3", PEER_GRPC_PORT: "4", PEER_LOG_LEVEL: "" };
    const { config, sources } = loadConfig({ flags: { httpPort: "5" }, environment, file });
    const { httpPort, grpcPort, nodeId, logLevel, dbSchema } = config;
    expect([httpPort, grpcPort, nodeId, logLevel, dbSchema]).toEqual([
      5,
      4,
      "file",
      "error",
      "peer",
    ]);
    const { httpPort: one, grpcPort: two, nodeId: three, dbSchema: four } = sources;
    expect([one, two, three, four]).toEqual(["flag", "environment", "file", "default"]);
  });

  test("is shown, and secrets are masked", () => {
    const secret = "a-secret-of-at-least-thirty-two-bytes";
    const environment = {
      PEER_JWT_SIGNING_KEY: secret,
      PEER_JWT_VERIFICATION_KEYS: secret,
      PEER_DB_CONNECTION: "postgres://peer:hush@db/peer",
      PEER_OTLP_HEADERS: "authorization=hush",
    };
    const text = JSON.stringify(viewSettings(loadConfig({ environment })));
    expect(text).not.toMatch(/hush|a-secret-of/);
    expect(text.match(/"\*\*\*"/g)).toHaveLength(4);
  });
});

test("names that are no settings are refused in the file and told of in the environment", () => {
  expect(refusal({ file: { htpPort: 1 } })).toBe(
    'The config file sets "htpPort", which is no setting of this program',
  );
  const environment = { PEER_HTP_PORT: "1", PEER_HTTP_PORT: "1", PEER_TOKEN: "x", HOME: "/" };
  expect(unknownVariables(environment)).toEqual(["PEER_HTP_PORT"]);
});
