import { describeApi } from "./openapi.ts";

interface Operation {
  operationId: string;
  summary: string;
  "x-access": string;
  parameters: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

type Paths = Record<string, Record<string, Operation>>;

/**
 * The OpenAPI document as a page to read. Where scripts run, Scalar takes its place; without them
 * it is whole as it is. Scripts come from this node only, none is inline and none may be made from
 * text; Scalar's styles are inline, so that these are let in on this page.
 */
export function apiPage(version: string): Response {
  const paths = describeApi(version).paths as Paths;
  const parts = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation)),
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sorcha-peer ${escaped(version)}: REST</title>
<style id="plain-style">${style}</style>
<script defer src="/scalar/scalar.js"></script>
<script defer src="/scalar/start.js"></script>
</head>
<body>
<div id="scalar"></div>
<main id="plain">
<h1>sorcha-peer ${escaped(version)}</h1>
<p>${parts.length} operations; the same as data: <a href="/openapi/v1.json">/openapi/v1.json</a>.
Tokens go into the header <code>Authorization: Bearer …</code>.</p>
${parts.join("\n")}
</main>
</body>
</html>
`;
  return new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
    },
  });
}

function section(method: string, path: string, operation: Operation): string {
  const { operationId, summary, parameters, requestBody, responses } = operation;
  const rows = parameters.map((parameter) => {
    const need = parameter.required ? "required" : "optional";
    const what = `${parameter.in}, ${need}`;
    return `<tr><td><code>${escaped(parameter.name)}</code></td><td>${what}</td><td>${json(parameter.schema)}</td></tr>`;
  });
  const [status = "200", answer] =
    Object.entries(responses).find(([code]) => /^2/.test(code)) ?? [];
  const table = rows.length === 0 ? "" : `<table>${rows.join("")}</table>`;
  return `<details id="${escaped(operationId)}">
<summary><b>${method.toUpperCase()}</b> <code>${escaped(path)}</code> ${escaped(summary)}
<i>${escaped(operation["x-access"])}</i></summary>
${table}${contents("Body", requestBody?.content)}${contents(`Answer ${status}`, answer?.content)}
</details>`;
}

function contents(title: string, content: Record<string, { schema: object }> | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => `<p>${title}, <code>${escaped(type)}</code></p>${json(schema)}`)
    .join("");
}

function json(value: object): string {
  return `<pre>${escaped(JSON.stringify(value, null, 1))}</pre>`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (letter) => names[letter] ?? letter);
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const style = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
details{border-top:1px solid #8886;padding:.5rem 0}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4.5rem}
summary i{opacity:.75}
pre{margin:0;overflow:auto;font-size:.85rem}
td{vertical-align:top;padding:.2rem 1rem .2rem 0}`;
