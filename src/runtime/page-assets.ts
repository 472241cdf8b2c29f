import { basename } from "node:path";

/** A file of the dashboard. Its name carries a hash of what is in it, save the page's own. */
export interface PageAsset {
  name: string;
  /** Content type. */
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** The page itself; the others are what it asks for. */
  isPage: boolean;
}

/** What Bun makes of an import of an HTML file: in a compiled binary all files, else the path. */
export interface PageImport {
  index: string;
  files?: readonly { path: string; headers: { "content-type": string } }[];
}

/** The page and everything it needs: from inside the binary, or bundled now from the sources. */
export async function loadPageAssets(page: PageImport): Promise<PageAsset[]> {
  if (page.files !== undefined) {
    return Promise.all(
      page.files.map(async ({ path, headers }) => ({
        name: basename(path),
        type: headers["content-type"],
        bytes: await Bun.file(path).bytes(),
        isPage: headers["content-type"].startsWith("text/html"),
      })),
    );
  }
  const built = await Bun.build({
    entrypoints: [page.index],
    minify: true,
    target: "browser",
    // What few visits need comes when it is needed, as a file of its own.
    splitting: true,
  });
  return Promise.all(
    built.outputs.map(async (output) => ({
      name: basename(output.path),
      type: output.type,
      bytes: new Uint8Array(await output.arrayBuffer()),
      isPage: output.type.startsWith("text/html"),
    })),
  );
}
