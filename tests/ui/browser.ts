import { existsSync, mkdirSync } from "node:fs";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

export const chromiumPath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
export const hasChromium = existsSync(chromiumPath);
/** Where pictures go for people to look at; git ignores it. */
export const pictureFolder = new URL("../../.artifacts/", import.meta.url).pathname;

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function openBrowser(): Promise<Browser> {
  mkdirSync(pictureFolder, { recursive: true });
  return chromium.launch({ executablePath: chromiumPath, args: flags });
}

export interface Visit {
  page: Page;
  /** What the browser complained of so far. */
  complaints: string[];
  close: () => Promise<void>;
}

export interface VisitOptions {
  width?: number;
  height?: number;
  isDark?: boolean;
}

/** A page of its own, nothing stored, with everything noted that the browser complains of. */
export async function visit(
  browser: Browser,
  url: string,
  options: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    colorScheme: options.isDark ? "dark" : "light",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const { host } = new URL(url);
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && asked.host !== host) complaints.push(`asked ${asked}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Serious faults that axe finds, each as one line. */
export async function accessFaults(page: Page): Promise<string[]> {
  // Beside the page's own policy, which lets no other script in.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}

export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${pictureFolder}${name}.png` });
}
