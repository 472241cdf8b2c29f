import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

/** A file of the dashboard, as `runtime/page-assets.ts` finds it. */
interface Asset {
  name: string;
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
  isPage: boolean;
}

export type LoadPage = () => Promise<readonly Asset[]>;

type Encoding = "br" | "gzip" | "identity";

const encoders = { br: promisify(brotliCompress), gzip: promisify(gzip) };

/**
 * The dashboard's files, loaded when the first browser comes and compressed once. Names carry the
 * hash of what is in them, so that browsers keep them for good and ask for the page alone again.
 */
export class Page {
  #assets: Promise<Map<string, Asset>> | null = null;
  readonly #encoded = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(private readonly load: LoadPage) {}

  /** The page itself with `name` "", or what it asks for; null: there is no such file. */
  async answer(name: string, request: Request): Promise<Response | null> {
    const asset = (await this.#all()).get(name);
    if (asset === undefined) return null;
    const encoding = encodingOf(request.headers.get("accept-encoding") ?? "");
    const headers = new Headers({ "content-type": asset.type, vary: "accept, accept-encoding" });
    if (encoding !== "identity") headers.set("content-encoding", encoding);
    headers.set("cache-control", asset.isPage ? "no-cache" : "public, max-age=31536000, immutable");
    if (asset.isPage) headers.set("content-security-policy", policy);
    return new Response(await this.#bytes(asset, encoding), { headers });
  }

  #all(): Promise<Map<string, Asset>> {
    const all = this.#assets ?? this.load().then((found) => new Map(found.map(byName)));
    this.#assets = all;
    // A failed attempt must not be the last one.
    all.catch(() => {
      this.#assets = null;
    });
    return all;
  }

  #bytes(asset: Asset, encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
    if (encoding === "identity") return Promise.resolve(asset.bytes);
    const key = `${encoding} ${asset.name}`;
    const bytes =
      this.#encoded.get(key) ??
      encoders[encoding](asset.bytes).then((buffer) => new Uint8Array(buffer));
    this.#encoded.set(key, bytes);
    return bytes;
  }
}

/** Nothing but our own files, no script or style within the page, and no way to make markup. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

function byName(asset: Asset): [string, Asset] {
  return [asset.isPage ? "" : asset.name, asset];
}

function encodingOf(accepted: string): Encoding {
  const names = accepted.split(",").map((part) => part.trim());
  const takes = (name: string) => names.some((one) => one === name || one.startsWith(`${name};`));
  if (takes("br")) return "br";
  return takes("gzip") ? "gzip" : "identity";
}
