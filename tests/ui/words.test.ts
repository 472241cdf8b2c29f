import { describe, expect, test } from "bun:test";
import { ServerEvents } from "../../src/ui/net/server-events.ts";
import { shortId, shown, shownText } from "../../src/ui/words/foreign.ts";
import { agoText, bytesText, compact, durationText } from "../../src/ui/words/numbers.ts";
import { soleSourceOf } from "../../src/ui/words/states.ts";
import { hostile } from "./crowd.ts";

describe("text of strangers", () => {
  test("keeps ordinary names of every script as they are", () => {
    for (const name of ["debian-packages", "Grundbuch Zürich", "空気の質", "שלום", "👩‍🌾 farm"]) {
      expect(shown(name)).toBe(name);
    }
  });

  test("gives shape to what has none, and turns nothing round", () => {
    expect(shown(hostile.controls)).toBe("a␀b␇c␛[31md⟨U+200B⟩e⟨U+2028⟩f⟨U+FEFF⟩g");
    expect(shown(hostile.rightToLeft)).toStartWith("⟨U+202E⟩gnp.exe⟨U+202C⟩");
    expect(shown(hostile.surrogate)).toBe("x⟨U+D800⟩y");
    expect([...shown(hostile.tower)].length).toBeLessThan(6);
  });

  test("is cut, with a mark that it was", () => {
    expect([...shown(hostile.long, 50)]).toHaveLength(50);
    expect(shown(hostile.long, 50)).toEndWith("…");
    expect(shownText("x".repeat(30_000))).toContain("… and 10,000 more characters");
    expect(shortId("931088beb7417c65ca975a58c68ac419")).toBe(
      "931088beb7…8ac419".replace("8ac", "ac"),
    );
  });
});

test("numbers read as people read them", () => {
  expect([compact(0.25), compact(12_345), compact(1_500_000)]).toEqual(["0.3", "12.3 k", "1.5 M"]);
  expect([bytesText(512), bytesText(1_536), bytesText(5 * 2 ** 30)]).toEqual([
    "512 B",
    "1.5 KiB",
    "5.0 GiB",
  ]);
  expect([durationText(65), durationText(7_300), durationText(90_000)]).toEqual([
    "1 min 5 s",
    "2 h 1 min",
    "1 d 1 h",
  ]);
  expect(agoText("2026-01-01T00:00:00.000Z", Date.parse("2026-01-01T00:02:00.000Z"))).toBe(
    "2 min ago",
  );
});

test("a stream of events is read whatever its parts are", () => {
  const text = "retry: 5\n\n:\n\nid: 1\nevent: a\ndata: {}\n\nid: 2\r\ndata: x\r\ndata: y\r\n\r\n";
  for (const size of [1, 2, 7, 100]) {
    const parser = new ServerEvents();
    const found = [];
    for (let at = 0; at < text.length; at += size) {
      found.push(...parser.push(text.slice(at, at + size)));
    }
    expect(found[0]).toEqual({ id: "1", event: "a", data: "{}" });
    expect(found[1]).toEqual({ id: "2", event: "message", data: "x\ny" });
    expect(found).toHaveLength(2);
  }
});

test("a sole source is one without which no other whole copy is in reach", () => {
  const registers = [
    { registerId: "r1", holderCount: 2, holders: ["me", "p"] },
    { registerId: "r2", holderCount: 2, holders: ["p", "q"] },
    { registerId: "r3", holderCount: 1, holders: ["p"] },
    { registerId: "r4", holderCount: 300, holders: ["p"] },
  ];
  const mesh = { nodeId: "me", nodes: [], links: [], registers, singlePoints: [] };
  expect(soleSourceOf(mesh, "p")).toEqual(["r1", "r3"]);
  expect(soleSourceOf(mesh, "q")).toEqual([]);
});
