import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import scalarFile from "../../vendor/scalar/scalar.js.gz" with { type: "file" };
import { apiPage } from "./api-page.ts";
import { describeApi } from "./openapi.ts";

type Page = (request: Request) => Response | Promise<Response>;

/** The contract for people and programs, by path. Everything comes from this process. */
export function apiPages(version: string): Record<string, Page> {
  return {
    "/openapi/v1.json": () => Response.json(describeApi(version)),
    "/scalar": () => apiPage(version),
    "/scalar/start.js": () => new Response(startScript, { headers: scriptHeaders }),
    "/scalar/scalar.js": async (request) => {
      const packed = await readFile(scalarFile);
      const takesPacked = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
      if (!takesPacked) return new Response(gunzipSync(packed), { headers: scriptHeaders });
      return new Response(new Uint8Array(packed), {
        headers: { ...scriptHeaders, "content-encoding": "gzip", vary: "accept-encoding" },
      });
    },
  };
}

const scriptHeaders = {
  "content-type": "text/javascript; charset=utf-8",
  "cache-control": "max-age=86400",
};

/** Puts Scalar in the place of the page without scripts; what would ask other hosts is off. */
const startScript = `const settings = {
  url: "/openapi/v1.json",
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
};
document.getElementById("plain").remove();
document.getElementById("plain-style").remove();
Scalar.createApiReference("#scalar", settings);
`;
