import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import type { PeerDetailsJson } from "../../src/rest/schemas.ts";
import { Cluster, lastLine, type TestNode, until } from "../support/node.ts";
import {
  accessFaults,
  chromiumPath,
  hasChromium,
  openBrowser,
  picture,
  type Visit,
  visit,
} from "../ui/browser.ts";

/**
 * The dashboard as an operator uses it: Chromium against three real nodes. `a` makes the register,
 * `b` is looked at, `c` came by way of `b`. Left out where there is no Chromium.
 */
if (!hasChromium) console.log(`No Chromium at ${chromiumPath}: the dashboard is not tested`);

describe.skipIf(!hasChromium)("the dashboard", () => {
  const cluster = new Cluster("embedded", { keep: true });
  let browser: Browser;
  let desk: Visit;
  let a: TestNode;
  let b: TestNode;
  let c: TestNode;
  let registerId = "";
  let token = "";

  beforeAll(async () => {
    a = await cluster.start("a");
    const lines = Array.from({ length: 3_000 }, (_, n) =>
      JSON.stringify({ n, note: `entry ${n}` }),
    );
    const records = await cluster.write("records.ndjson", `${lines.join("\n")}\n`);
    ({ registerId } = await a.import(records, "field-notes"));
    b = await cluster.start("b", { seeds: [a] });
    c = await cluster.start("c", { seeds: [b] });
    await b.hears(registerId);
    token = lastLine(await b.ok(["token", "--service"]));
    browser = await openBrowser();
    desk = await visit(browser, b.httpUrl);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("is served under a policy that lets in its own files only, and says who it is", async () => {
    const answer = await fetch(b.httpUrl, { headers: { accept: "text/html" } });
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(html).not.toMatch(/<script[^>]*>[^<]|<style|\son\w+=|\sstyle=/);
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+|\.\/[^"]+)"/g)) {
      const file = await fetch(new URL(path as string, b.httpUrl));
      expect(file.headers.get("cache-control")).toContain("immutable");
    }
    // Whoever does not ask for a page gets the reference service's line of text.
    expect(await (await fetch(b.httpUrl)).text()).toStartWith("sorcha-peer ");
    await desk.page.getByRole("heading", { name: "b", exact: true }).waitFor();
    await desk.page.getByText("Live", { exact: true }).waitFor();
  });

  test("takes a token, keeps it in this tab only, and shows settings with secrets masked", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByText("The node’s settings are for operators.").waitFor();
    await page.getByLabel("Bearer token").fill("no.token");
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByRole("alert").getByText("three parts").waitFor();
    await page.getByLabel("Bearer token").fill(token);
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByText("service: may do everything").waitFor();
    await page.getByRole("table", { name: "Settings in force" }).getByText("dataDir").waitFor();
    const stored = await page.evaluate(() => [localStorage.length, document.cookie]);
    expect(stored).toEqual([0, ""]);
    expect(await page.content()).not.toContain(token);
  });

  test("discovers a register, subscribes, and shows it come in", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Registers", exact: true }).click();
    await page.getByText("No register is here yet.").waitFor();
    await page.getByRole("button", { name: "Available" }).click();
    const row = page.getByRole("row").filter({ hasText: "field-notes" });
    await row.getByRole("button", { name: "Subscribe" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Subscribe" }).click();
    await page.getByRole("progressbar", { name: `Progress of ${registerId}` }).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    const held = await b.register(registerId);
    await page.getByText(`${held?.height} of ${held?.height} dockets`).waitFor();
    await page.getByText("Subscribed to").waitFor();
    await picture(page, "register");
  });

  test("browses to a record and proves in the browser that its docket holds it", async () => {
    const { page } = desk;
    await page.getByLabel("Docket number or transaction id").fill("3");
    await page.getByRole("button", { name: "Go" }).click();
    await page.getByRole("heading", { name: "Docket 3" }).waitFor();
    await page
      .getByRole("table", { name: "Transactions of the docket" })
      .getByRole("link")
      .nth(7)
      .click();
    await page.getByText("Included.").waitFor();
    await page.getByText("the docket is sealed as the register’s policy asks").waitFor();
    await page.getByText("The genesis docket and its policy: 1 of 1 seal").waitFor();
    expect(await page.locator(".proof-step").count()).toBeGreaterThan(8);
    await picture(page, "proof");
  });

  test("bans a peer with a reason, and the other node feels it", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Peers", exact: true }).click();
    await page.getByRole("link", { name: /^a ?seed$/ }).click();
    await page.getByRole("button", { name: "Ban" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It is the only other node in sight with a whole copy").waitFor();
    await dialog.getByLabel("Reason").fill("Tried out <b>in a test</b>");
    await dialog.getByRole("button", { name: "Ban" }).click();
    await page.getByText("Tried out <b>in a test</b>").first().waitFor();
    const banned = await b.get<PeerDetailsJson>("/api/peers/a");
    expect(banned).toMatchObject({ isBanned: true, banReason: "Tried out <b>in a test</b>" });
    await until(async () => !(await a.get<PeerDetailsJson>("/api/peers/b")).isConnected, "a alone");
    await page.getByText("Banned by the operator").waitFor();
    await page.getByRole("button", { name: "Unban" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Unban" }).click();
    await page.getByRole("button", { name: "Ban" }).waitFor();
    await until(async () => (await a.get<PeerDetailsJson>("/api/peers/b")).isConnected, "a back");
  });

  test("imports a file at the origin, and the same again doubles nothing", async () => {
    const tokenOfA = lastLine(await a.ok(["token", "--service"]));
    const { page, complaints, close } = await visit(browser, `${a.httpUrl}/#token=${tokenOfA}`);
    await page.getByRole("heading", { name: "a", exact: true }).waitFor();
    await page.evaluate((id) => location.assign(`#/registers/${id}`), registerId);
    const before = (await a.register(registerId))?.latestVersion ?? 0;
    const rows = Array.from({ length: 1_200 }, (_, n) => `${n},"it said ""${n}"""`);
    const buffer = Buffer.from(`n,text\n${rows.join("\n")}\n`);
    for (const told of ["1,200 records sealed in", "1,200 of which were there already"]) {
      await page.getByRole("button", { name: "Import" }).click();
      const dialog = page.getByRole("dialog");
      const file = { name: "late.csv", mimeType: "text/csv", buffer };
      await dialog.getByLabel("File").setInputFiles(file);
      await dialog.getByText("CSV, 1,200 records").waitFor();
      await dialog.getByRole("button", { name: "Import" }).click();
      await page.getByText(told).waitFor();
    }
    expect((await a.register(registerId))?.latestVersion).toBe(before + 1_200);
    // The command line takes up the same import: one id, one text a record.
    const again = await a.import(await cluster.write("late.csv", buffer.toString()), "field-notes");
    expect(again).toMatchObject({ accepted: 0, alreadyPresent: 1_200 });
    expect(complaints).toEqual([]);
    await close();
  });

  test("tells events as they happen, filters them and pauses", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Events" }).click();
    await a.ok(["tx", "submit", registerId, '{"late":1}']);
    await page.getByText("register.head").first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await a.ok(["tx", "submit", registerId, '{"late":2}']);
    await page.getByRole("button", { name: /^Resume, \d+ new$/ }).click();
    await page.getByRole("button", { name: "Dockets" }).click();
    await page.getByText("register.head").first().waitFor({ state: "detached" });
    expect(await page.getByText("peer.banned").count()).toBeGreaterThan(0);
    // What happened before this page was opened, too.
    await page.getByText("peer.authenticated").first().waitFor();
  });

  test("keeps the last data while the node is gone, says since when, and comes back", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("heading", { name: "b", exact: true }).waitFor();
    const known = desk.complaints.length;
    await b.kill();
    await page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor();
    await page.getByRole("heading", { name: "b", exact: true }).waitFor();
    await picture(page, "stale");
    await b.start();
    await page.getByText("Stale since").waitFor({ state: "detached" });
    await page.getByText("Live", { exact: true }).waitFor();
    // What the browser itself says of connections that were refused is no fault of the page.
    const ours = desk.complaints.splice(known);
    expect(ours.filter((text) => !/ERR_CONNECTION|ERR_INCOMPLETE|net::/.test(text))).toEqual([]);
  });

  test("is used by the keyboard alone: from the address to a paused register", async () => {
    const { page, close } = await visit(browser, `${b.httpUrl}/#token=${token}`);
    await page.getByRole("heading", { name: "b", exact: true }).waitFor();
    expect(page.url()).not.toContain("token");
    await tabTo(page, "Registers");
    await page.keyboard.press("Enter");
    await page.getByRole("table", { name: "Registers here" }).waitFor();
    await tabTo(page, /^field-notes/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "field-notes" }).waitFor();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await tabTo(page, "Pause");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Pause");
    await page.keyboard.press("Enter");
    await tabTo(page.getByRole("dialog"), "Pause");
    await page.keyboard.press("Enter");
    await page.getByText("paused", { exact: true }).waitFor();
    expect((await b.register(registerId))?.subscription?.pausedAt).not.toBeNull();
    await tabTo(page, "Resume");
    await page.keyboard.press("Enter");
    await tabTo(page.getByRole("dialog"), "Resume");
    await page.keyboard.press("Enter");
    await page.getByText("live", { exact: true }).waitFor();
    await close();
  });

  test.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
    [390, "dark"],
  ] as const)("fits %d px, %s, and axe finds nothing serious on any page", async (width, theme) => {
    const [docket] = await b.get<{ docketNumber: number }[]>(
      `/api/registers/${registerId}/dockets?from=2&limit=1`,
    );
    const places = [
      "#/",
      "#/topology",
      "#/topology/a",
      "#/peers",
      "#/peers/a",
      "#/registers",
      "#/registers?show=available",
      "#/registers?show=told",
      "#/registers?show=queue",
      `#/registers/${registerId}`,
      `#/registers/${registerId}/dockets/${docket?.docketNumber}`,
      "#/events",
      "#/settings",
    ];
    const address = `${b.httpUrl}/#token=${token}`;
    const one = await visit(browser, address, { width, isDark: theme === "dark" });
    const { page, complaints, close } = one;
    for (const place of places) {
      await page.evaluate((hash) => location.assign(hash), place);
      await page.locator("h1").waitFor();
      await page.waitForFunction(() => document.querySelector("main .loading") === null);
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect({ place, isWide: beyond > 0 }).toEqual({ place, isWide: false });
      expect({ place, faults: await accessFaults(page) }).toEqual({ place, faults: [] });
      const name = place.replace(registerId, "id").replace(/\W+/g, "-");
      await picture(page, `${width}-${theme}${name}`);
    }
    expect(complaints).toEqual([]);
    await close();
  });

  test("shows the whole mesh to a node that came by way of another", async () => {
    const { page, complaints, close } = await visit(browser, `${c.httpUrl}/#/topology`);
    await page.getByRole("link", { name: /^b, seed, connected/ }).waitFor();
    await page.getByRole("button", { name: "List" }).click();
    await page.getByRole("table", { name: "Nodes of the mesh" }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  test("left nothing for the browser to complain of", () => expect(desk.complaints).toEqual([]));
});

/** Presses Tab until what has the focus is called so, as somebody without a mouse does. */
async function tabTo(
  where: Page | ReturnType<Page["getByRole"]>,
  name: string | RegExp,
): Promise<void> {
  const page = "page" in where ? (where.page as () => Page)() : where;
  for (let pressed = 0; pressed < 120; pressed += 1) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
    const isInside = "page" in where ? await where.locator(":focus").count() : 1;
    const isIt = typeof name === "string" ? text === name : name.test(text);
    if (isIt && isInside > 0) return;
  }
  throw new Error(`The Tab key does not lead to ${name}`);
}
