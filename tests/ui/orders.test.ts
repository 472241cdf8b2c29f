import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import * as rest from "../../src/rest/app.ts";
import { loadPageAssets } from "../../src/runtime/page-assets.ts";
import page from "../../src/ui/index.html";
import { Rest } from "../rest/rest-of.ts";
import { accessFaults, hasChromium, openBrowser, picture, type Visit, visit } from "./browser.ts";
import { crowd, hostile } from "./crowd.ts";

const rates = { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 };

describe.skipIf(!hasChromium)("what operators do on the page", () => {
  let browser: Browser;
  let api: Rest;
  let one: Visit;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  beforeEach(async () => {
    await one?.close();
    api = await Rest.open({ loadPage: () => loadPageAssets(page), protection: rates });
    one = await visit(browser, `${api.url}/#token=${await api.mint()}`);
  });
  afterAll(async () => {
    await one.close();
    await rest.close();
    await browser?.close();
  });

  async function go(place: string): Promise<void> {
    await one.page.evaluate((hash) => location.assign(hash), place);
    await one.page.locator("h1").waitFor();
    await one.page.waitForFunction(() => document.querySelector("main .loading") === null);
  }

  function file(name: string, text: string) {
    return { name, mimeType: "text/plain", buffer: Buffer.from(text) };
  }

  test("a file of records: what is wrong with it in words, then all of it, and never twice", async () => {
    const { page: view } = one;
    await go("#/registers");
    await view.getByRole("button", { name: "Import" }).focus();
    await view.keyboard.press("Enter");
    const dialog = view.getByRole("dialog");
    const chooser = dialog.getByLabel("File");
    const start = dialog.getByRole("button", { name: "Import" });
    await dialog.getByLabel("Name of the register").fill("measurements");
    for (const [name, text, said] of [
      ["a.ndjson", '{"n":1}\n{"n":\n', "Line 2, column 6 is not JSON"],
      ["a.ndjson", "\n \n", "There are no records in this file."],
      ["a.csv", "a,a\n1,2\n", "two columns are a"],
      ["a.csv", "a,b\n1,2,3\n", "Line 2 has 3 cells, the header line 2."],
      ["a.csv", 'a,b\n"1,2\n', "Line 2: a quote is not closed."],
      ["a.ndjson", "\u{1f600}".slice(0, 1), "is not JSON"],
    ] as const) {
      await chooser.setInputFiles(file(name, text));
      await dialog.getByText(said).waitFor();
      expect(await start.isDisabled()).toBe(true);
    }
    const lines = Array.from({ length: 2_500 }, (_, n) => `{"n":${n},"big":12345678901234567890}`);
    const good = file("a.ndjson", `${lines.join("\n")}\n`);
    await chooser.setInputFiles(good);
    await dialog.getByText("NDJSON, 2,500 records. The first:").waitFor();
    expect(await accessFaults(view)).toEqual([]);
    await picture(view, "import");
    await view.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await view.evaluate(() => document.activeElement?.textContent)).toBe("Import");
    await view.keyboard.press("Enter");
    await dialog.getByLabel("Name of the register").fill("measurements");
    await chooser.setInputFiles(good);
    await start.click();
    await view.getByText(/^2,500 records sealed in/).waitFor();
    await view.getByRole("heading", { name: "measurements" }).waitFor();
    const [register] = [...api.node.registers.values()];
    expect(api.node.registers.size).toBe(1);
    const texts = [...(register?.transactions.values() ?? [])].map((each) => JSON.stringify(each));
    expect(texts.length).toBeGreaterThan(2_500);
    await view.getByRole("button", { name: "Import" }).click();
    await chooser.setInputFiles(good);
    await start.click();
    await view.getByText("2,500 of which were there already").waitFor();
    expect(one.complaints).toEqual([]);
  });

  test("an import that breaks off says what is safe and how to go on", async () => {
    const { page: view } = one;
    const { registerId } = await api.node.createRegister({ name: "r" });
    await go(`#/registers/${registerId}`);
    let calls = 0;
    api.node.beforeImport = () => {
      calls += 1;
      if (calls === 2) throw new Error("The disk is gone");
    };
    await view.getByRole("button", { name: "Import" }).click();
    const dialog = view.getByRole("dialog");
    const rows = Array.from({ length: 1_500 }, (_, n) => `${n},"a ""b"", c"`);
    await dialog.getByLabel("File").setInputFiles(file("a.csv", `n,text\r\n${rows.join("\r\n")}`));
    await dialog.getByText("CSV, 1,500 records").waitFor();
    await dialog.getByRole("button", { name: "Import" }).click();
    await dialog.getByText("The first 1,000 are sealed; to go on, import the file again").waitFor();
    await dialog.getByRole("button", { name: "Import" }).click();
    await view.getByText("1,500 records sealed").waitFor();
    const kept = JSON.stringify([
      ...(api.node.registers.get(registerId)?.transactions.values() ?? []),
    ]);
    expect(kept).not.toBe("[]");
  });

  test("a number of twenty digits is submitted as it was typed", async () => {
    const { page: view } = one;
    const { registerId } = await api.node.createRegister({ name: "r" });
    await go(`#/registers/${registerId}`);
    await view.getByRole("button", { name: "Submit record" }).click();
    const dialog = view.getByRole("dialog");
    await dialog.getByLabel("Record, as JSON").fill('{"b": 12345678901234567890, "a": 1}');
    await dialog.getByRole("button", { name: "Submit" }).click();
    await view.getByText("Included.").waitFor();
    await view.getByRole("button", { name: "Show the document" }).click();
    await view.getByText('{\\"b\\": 12345678901234567890, \\"a\\": 1}').waitFor();
  });

  test("what peers hear of, for many registers at once", async () => {
    const { page: view } = one;
    for (const name of ["first", "second", "third"]) await api.node.createRegister({ name });
    await api.node.createRegister({ name: "secret", isPublic: false });
    await go("#/registers?show=told");
    await view.getByRole("checkbox", { name: "Peers hear of second" }).press("Space");
    await view.getByText("1 change", { exact: true }).waitFor();
    expect(await view.getByRole("checkbox", { name: "Peers hear of secret" }).isDisabled()).toBe(
      true,
    );
    expect(await accessFaults(view)).toEqual([]);
    await picture(view, "told");
    await view.getByRole("button", { name: "Save" }).click();
    await view.getByRole("dialog").getByText("no longer of 1 register").waitFor();
    await view.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await view.getByText("1 register changed.").waitFor();
    await view.getByText("no change yet").waitFor();
    const second = [...api.node.registers.values()].find((each) => each.held.name === "second");
    expect([...api.node.peerDesk.advertised]).toEqual([[second?.held.registerId ?? "", false]]);
    await view.getByText("nobody").waitFor();
    await view.getByRole("button", { name: "All public ones" }).click();
    await view.getByText("1 change", { exact: true }).waitFor();
  });

  test("dead letters are tried again or dropped, hostile words and all", async () => {
    const { page: view } = one;
    const { registerId } = await api.node.createRegister({ name: "r" });
    api.node.queued = Object.values(hostile).map((lastError, index) => ({
      registerId,
      transactionId: `${index}`.repeat(64),
      state: index === 0 ? "waiting" : "dead",
      bytes: 900,
      attempts: index,
      nextAttemptMs: 0,
      lastError: lastError.toWellFormed(),
      queuedAtMs: Date.now(),
    }));
    await go("#/registers?show=queue");
    await view.getByText("5 given up").waitFor();
    expect(await view.evaluate(() => "pwned" in globalThis)).toBe(false);
    expect(await accessFaults(view)).toEqual([]);
    await picture(view, "queue");
    await view.getByRole("button", { name: "Try again" }).first().click();
    await view.getByRole("dialog").getByRole("button", { name: "Try again" }).click();
    await view.getByRole("alert").getByText("Not queued here").waitFor();
    await view.keyboard.press("Escape");
    await view.getByRole("button", { name: "Drop" }).first().click();
    await view.getByRole("dialog").getByText("is removed from this node").waitFor();
  });

  test("older events come page by page, filtered by the node", async () => {
    const { page: view } = one;
    api.node.noted = Array.from({ length: 250 }, (_, index) => ({
      eventId: index + 1,
      atMs: Date.now() - (250 - index) * 60_000,
      type: index % 5 === 0 ? "source.lied" : "peer.failed",
      registerId: null,
      peerId: "p",
      message: index === 3 ? hostile.markup : `Number ${index + 1}`,
      facts: {},
    }));
    await go("#/events");
    await view.getByText("Number 250").waitFor();
    await view.getByText("100 shown").waitFor();
    await view.getByRole("button", { name: "Show older" }).press("Enter");
    await view.getByText("200 shown").waitFor();
    await view.getByRole("button", { name: "Show older" }).click();
    await view.getByText("250 events: the node has kept nothing older.").waitFor();
    expect(await view.evaluate(() => "pwned" in globalThis)).toBe(false);
    await view.getByRole("button", { name: "Peers" }).click();
    await view.getByText("50 shown").waitFor();
    await view.getByLabel("Search in events").fill("Number 246");
    await view.getByText("1 shown").waitFor();
    expect(await accessFaults(view)).toEqual([]);
    expect(one.complaints).toEqual([]);
  });

  test("a policy is changed, a group key begun, another's token revoked, with errors in words", async () => {
    const { page: view } = one;
    const { registerId } = await api.node.createRegister({ name: "r" });
    await go(`#/registers/${registerId}`);
    await view.getByRole("button", { name: "Change policy" }).click();
    const dialog = view.getByRole("dialog");
    expect(await accessFaults(view)).toEqual([]);
    await dialog.getByLabel("Validators").fill("only-an-id");
    await dialog.getByRole("button", { name: "Agree to it" }).click();
    await dialog.getByText('"only-an-id" is no id and key.').waitFor();
    await view.keyboard.press("Escape");
    await go("#/settings");
    await view.getByRole("button", { name: "Revoke another" }).click();
    await dialog.getByLabel("Token or its id").fill("jti-of-a-leaked-one");
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await view.getByText("It counts no longer").waitFor();
    expect(api.node.revoked.has("jti-of-a-leaked-one")).toBe(true);
    expect(one.complaints).toEqual([]);
  });

  test("forward-only keeps as much of the past as is wished", async () => {
    const { page: view } = one;
    crowd(api.node, { peers: 2, registers: 2 });
    api.node.subscriptions = [];
    await go("#/registers?show=available");
    await view.getByRole("button", { name: "Subscribe", exact: true }).first().click();
    const dialog = view.getByRole("dialog");
    await dialog.getByLabel(/^Forward only: what is sealed/).check();
    await dialog.getByLabel("Forward only: dockets to keep").fill("many");
    await dialog.getByRole("button", { name: "Subscribe" }).click();
    await dialog.getByText("many is no whole number.").waitFor();
    await dialog.getByLabel("Forward only: dockets to keep").fill("500");
    await dialog.getByRole("button", { name: "Subscribe" }).click();
    await view.getByText("Subscribed to").waitFor();
  });
});
