import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import * as rest from "../../src/rest/app.ts";
import { loadPageAssets } from "../../src/runtime/page-assets.ts";
import page from "../../src/ui/index.html";
import { Rest } from "../rest/rest-of.ts";
import { accessFaults, hasChromium, openBrowser, picture, type Visit, visit } from "./browser.ts";
import { crowd, hostile } from "./crowd.ts";
import { groupedLedger, inputOf } from "./proof-input.ts";

const rates = { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 };

describe.skipIf(!hasChromium)("the dashboard in front of a node in memory", () => {
  let browser: Browser;
  let api: Rest;
  let token = "";

  beforeAll(async () => {
    browser = await openBrowser();
  });
  beforeEach(async () => {
    api = await Rest.open({ loadPage: () => loadPageAssets(page), protection: rates });
    token = await api.mint();
  });
  afterAll(async () => {
    await rest.close();
    await browser?.close();
  });

  async function go(one: Visit, place: string): Promise<void> {
    await one.page.evaluate((hash) => location.assign(hash), place);
    await one.page.locator("h1").waitFor();
    await one.page.waitForFunction(() => document.querySelector("main .loading") === null);
  }

  test("weighs 250 KB of script at most, comes compressed, and curves only when needed", async () => {
    const assets = await loadPageAssets(page);
    const html = new TextDecoder().decode(assets.find((asset) => asset.isPage)?.bytes);
    const scripts = assets.filter((asset) => asset.type.includes("javascript"));
    const [first, ...later] = scripts.toSorted((one) => (html.includes(one.name) ? -1 : 1));
    expect(first?.bytes.length).toBeLessThan(250_000);
    // The mathematics of seals of groups, and nothing of the page itself.
    expect(later.map((one) => html.includes(one.name))).toEqual(later.map(() => false));
    expect(later.some((one) => one.bytes.length > 50_000)).toBe(true);
    const path = `/${first?.name}`;
    const answer = await api.get(path, { headers: { "accept-encoding": "br" } });
    expect(answer.headers.get("content-encoding")).toBe("br");
    expect((await api.get("/chunk-none.js")).status).toBe(404);
  });

  test("says where nothing is what one could do, on every page", async () => {
    const one = await visit(browser, `${api.url}/#token=${token}`);
    for (const [place, hint] of [
      ["#/", "Nothing is followed yet."],
      ["#/topology", "This node knows nobody yet."],
      ["#/peers", "This node knows nobody yet."],
      ["#/registers", "No register is here yet."],
      ["#/registers?show=available", "No peer tells of a register."],
      ["#/events", "Nothing happened yet."],
      ["#/nowhere", "This address leads nowhere."],
    ] as const) {
      await go(one, place);
      await one.page.getByText(hint).waitFor();
    }
    expect(one.complaints).toEqual([]);
    await one.close();
  });

  test("keeps a thousand peers and registers smooth: rows exist near the screen only", async () => {
    crowd(api.node, { peers: 1_000, registers: 1_000 });
    const one = await visit(browser, `${api.url}/#token=${token}`);
    for (const [place, count] of [
      ["#/peers", 1_000],
      ["#/registers?show=available", 1_000],
    ] as const) {
      await go(one, place);
      const table = one.page.getByRole("table");
      expect(await table.getAttribute("aria-rowcount")).toBe(String(count + 1));
      expect(await table.locator("tbody tr").count()).toBeLessThan(80);
      await one.page.evaluate(() => scrollTo({ top: document.body.scrollHeight / 2 }));
      await table.locator('tr[aria-rowindex="500"]').waitFor();
      expect(await table.locator("tbody tr").count()).toBeLessThan(80);
    }
    await go(one, "#/peers");
    await one.page.getByRole("link", { name: /^peer-0004/ }).focus();
    await one.page.keyboard.press("End");
    await one.page.locator('tr[aria-rowindex="1001"] a:focus').waitFor();
    await one.page.getByLabel("Search by name or address").fill("peer-0999");
    await one.page.getByText("1 shown").waitFor();
    for (const place of ["#/", "#/topology", "#/peers"]) {
      await go(one, place);
      expect(await accessFaults(one.page)).toEqual([]);
      await picture(one.page, `crowd${place.replace(/\W+/g, "-")}`);
    }
    expect(one.complaints).toEqual([]);
    await one.close();
  });

  test("shows hostile names of all kinds harmlessly, everywhere", async () => {
    const texts = Object.values(hostile);
    crowd(api.node, { peers: texts.length, registers: texts.length });
    const made: { registerId: string; transactionId: string }[] = [];
    for (const [index, text] of texts.entries()) {
      const peer = api.node.peers[index];
      if (peer !== undefined) {
        Object.assign(peer, { peerId: text.slice(0, 200), isBanned: true, banReason: text });
      }
      Object.assign(api.node.available[index] ?? {}, { name: text, description: text });
      Object.assign(api.node.subscriptions[index] ?? {}, {
        errorMessage: text,
        sourcePeerId: text.slice(0, 200),
        syncState: "Error",
      });
      // What no database can hold, no policy may say.
      const name = text.toWellFormed().replaceAll("\0", "").slice(0, 255);
      const { registerId } = await api.node.createRegister({ name, description: name });
      const dataText = JSON.stringify({ text: text.toWellFormed() });
      const { transactionId } = await api.node.submit({ registerId, dataText });
      made.push({ registerId, transactionId });
    }
    api.node.noted = texts.map((message, index) => ({
      eventId: index + 1,
      atMs: Date.now(),
      type: "peer.failed",
      registerId: made[index]?.registerId ?? null,
      peerId: message.slice(0, 200),
      message,
      facts: { [message.slice(0, 50)]: message },
    }));
    const one = await visit(browser, `${api.url}/#token=${token}`, { width: 390 });
    const places = [
      ...["#/", "#/topology", "#/peers", "#/registers", "#/registers?show=available", "#/events"],
      ...texts.map((text) => `#/peers/${encodeURIComponent(text.slice(0, 200).toWellFormed())}`),
      ...made.map(({ registerId }) => `#/registers/${registerId}`),
      ...made.map(({ registerId }) => `#/registers/${registerId}/dockets/1`),
      ...made.map((own) => `#/registers/${own.registerId}/transactions/${own.transactionId}`),
    ];
    for (const place of places) {
      await go(one, place);
      const seen = await one.page.evaluate(() => ({
        isPwned: "pwned" in globalThis,
        // The one script and no picture: nothing of what was told became markup.
        foreign: document.querySelectorAll("main script, main img, main iframe").length,
        hidden: /[\u202a-\u202e\u2066-\u2069\u200b\ufeff]|(?![\n\t])\p{Cc}/u.test(
          document.body.textContent,
        ),
        isWide: document.documentElement.scrollWidth > innerWidth,
      }));
      expect({ place, ...seen }).toEqual({
        place,
        isPwned: false,
        foreign: 0,
        hidden: false,
        isWide: false,
      });
    }
    await picture(one.page, "hostile");
    // A name that is no peer's any more (its lone half was mended on the way) is a 404 of the node.
    expect(one.complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await one.close();
  });

  test("checks a group's seal itself, with mathematics that came from this node only", async () => {
    const { grouped } = groupedLedger();
    const { registerId } = await api.node.createRegister({ name: "grouped" });
    const input = inputOf(grouped(registerId), 1);
    const { transactionId } = input.transaction;
    const one = await visit(browser, api.url);
    const answers = [
      ["transactions/*", JSON.stringify(input.transaction)],
      ["dockets/1", JSON.stringify({ docket: input.docketText, transactions: [] })],
      ["pages?control=true", Buffer.from(input.policyFrames)],
    ] as const;
    for (const [path, body] of answers) {
      await one.page.route(`**/api/registers/${registerId}/${path}`, (route) =>
        route.fulfill({ body }),
      );
    }
    const { genesisHash } = input;
    await one.page.route(`**/api/registers/${registerId}`, (route) =>
      route.fulfill({ json: { genesisHash } }),
    );
    await go(one, `#/registers/${registerId}/transactions/${transactionId}`);
    await one.page.getByText("Included.").waitFor();
    const seal = one.page.locator(".proof-step").filter({ hasText: "The group's signature" });
    await seal.getByText("true").waitFor();
    await seal.scrollIntoViewIfNeeded();
    expect(await accessFaults(one.page)).toEqual([]);
    await picture(one.page, "proof-of-a-group");
    expect(one.complaints).toEqual([]);
    await one.close();
  });

  test("says errors in the node's words, and what to do about them", async () => {
    crowd(api.node, { peers: 3, registers: 3 });
    const one = await visit(browser, api.url);
    await go(one, "#/peers/peer-0002");
    await one.page.getByRole("button", { name: "Ban" }).click();
    await one.page.getByRole("dialog").getByText("You are not signed in").waitFor();
    await one.page.getByRole("dialog").getByRole("button", { name: "Ban" }).click();
    await one.page.getByRole("alert").getByText("This needs a bearer token").waitFor();
    expect(api.node.peers.find((peer) => peer.peerId === "peer-0002")?.isBanned).toBe(false);
    await one.close();
  });

  test("falls back to asking where no stream of events is to be had", async () => {
    crowd(api.node, { peers: 3, registers: 0 });
    const one = await visit(browser, "about:blank");
    await one.page.route("**/api/events", (route) => route.abort());
    await one.page.goto(`${api.url}/#/peers`);
    await one.page.getByText("Asking every 5 s").waitFor();
    api.node.peers = api.node.peers.slice(0, 2);
    await one.page.getByText("2 shown").waitFor();
    await one.close();
  });
});
