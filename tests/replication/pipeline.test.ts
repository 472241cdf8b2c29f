/**
 * The pipeline over sources that are plain generators, with stations that are plain functions: what
 * is in flight, what order commits have, and how each kind of end comes out.
 */
import { describe, expect, test } from "bun:test";
import type { CheckedPage, Outcome, Policy, Refusal } from "../../src/dockets/types.ts";
import type { Committed } from "../../src/replication/commit.ts";
import { InFlight } from "../../src/replication/in-flight.ts";
import { type PipelineEnd, runPipeline, type Stations } from "../../src/replication/pipeline.ts";
import type { PulledPage } from "../../src/replication/pull.ts";
import { limits } from "../../src/runtime/limits.ts";

const policy: Policy = {
  version: 1,
  validators: [],
  threshold: 1,
  isPublic: true,
  name: "",
  description: "",
};

function page(number: number): PulledPage {
  return {
    registerId: "r",
    bytes: new Uint8Array(1),
    nextNumber: number,
    docketCount: 1,
    sourceHeadNumber: 99,
    sourcePeerId: "source",
  };
}

async function* pages(count: number, onPull: (number: number) => void = () => {}) {
  for (let number = 0; number < count; number += 1) {
    onPull(number);
    yield page(number);
  }
}

function checked(number: number, under: Policy | null): CheckedPage {
  return {
    registerId: "r",
    dockets: [{ number }],
    policyBefore: under,
    policyAfter: policy,
  } as unknown as CheckedPage;
}

function numberOf(page: CheckedPage): number {
  return page.dockets[0]?.number ?? -1;
}

function stored(pages: readonly CheckedPage[]): Committed {
  const number = Math.max(...pages.map(numberOf));
  return { count: pages.length, head: { registerId: "r", number, hash: "" }, stop: null };
}

interface Harness {
  stations: Stations;
  committed: number[];
  policies: (Policy | null)[];
}

function harness(overrides: Partial<Stations> = {}): Harness {
  const committed: number[] = [];
  const policies: (Policy | null)[] = [];
  const stations: Stations = {
    check: async (pulled, under) => {
      policies.push(under);
      return { ok: true, value: checked(pulled.nextNumber, under) };
    },
    commit: async (some) => {
      committed.push(...some.map(numberOf));
      return stored(some);
    },
    onPage: () => {},
    ...overrides,
  };
  return { stations, committed, policies };
}

function run(
  source: AsyncIterable<PulledPage>,
  stations: Stations,
  stop: () => void = () => {},
): Promise<PipelineEnd> {
  return runPipeline(source, { stations, policy, capacity: 4, inFlight: new InFlight(), stop });
}

describe("runPipeline", () => {
  test("commits in the source's order although checks finish in any order", async () => {
    const { stations, committed } = harness();
    let turn = 0;
    const check: Stations["check"] = async (pulled, under) => {
      turn += 1;
      for (let wait = 0; wait < (turn % 3) * 5; wait += 1) await Promise.resolve();
      return { ok: true, value: checked(pulled.nextNumber, under) };
    };
    const end = await run(pages(50), { ...stations, check });
    expect(end.kind).toBe("ended");
    expect(committed).toEqual([...Array(50).keys()]);
  });

  test("pulls no further than its capacity ahead of a stuck commit", async () => {
    let pulled = 0;
    let release = () => {};
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { stations } = harness();
    const commit: Stations["commit"] = async (some) => {
      await stuck;
      return stored(some);
    };
    const running = run(
      pages(100, () => {
        pulled += 1;
      }),
      { ...stations, commit },
    );
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
    // One being committed, four in the queue, one in the puller's hand.
    expect(pulled).toBeLessThanOrEqual(6);
    release();
    expect((await running).kind).toBe("ended");
  });

  test("holds one page and no more while the node holds as much as it may", async () => {
    const inFlight = new InFlight();
    inFlight.add(limits.inFlightBytes);
    let pulled = 0;
    const stuck = Promise.withResolvers<void>();
    const { stations, committed } = harness();
    const running = runPipeline(
      pages(20, () => {
        pulled += 1;
      }),
      {
        stations: {
          ...stations,
          commit: async (some) => {
            await stuck.promise;
            committed.push(...some.map(numberOf));
            return stored(some);
          },
        },
        policy,
        capacity: 4,
        inFlight,
        stop: () => {},
      },
    );
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
    expect(pulled).toBe(1);
    // It goes on page by page although there is no more room.
    stuck.resolve();
    expect((await running).kind).toBe("ended");
    expect(committed).toEqual([...Array(20).keys()]);
    expect(inFlight.bytes).toBe(limits.inFlightBytes);
  });

  test("commits together what waits when its turn comes, and never keeps a page waiting", async () => {
    const groups: number[][] = [];
    const gates: (() => void)[] = [];
    const { stations } = harness();
    const commit: Stations["commit"] = async (some) => {
      groups.push(some.map(numberOf));
      await new Promise<void>((resolve) => gates.push(resolve));
      return stored(some);
    };
    const running = run(pages(9), { ...stations, commit });
    for (let turn = 0; turn < 500; turn += 1) {
      await Promise.resolve();
      if (turn % 50 === 49) gates.shift()?.();
    }
    expect((await running).kind).toBe("ended");
    // The first comes alone and goes alone; behind it as many as waited meanwhile.
    expect(groups.flat()).toEqual([...Array(9).keys()]);
    expect(groups[0]).toEqual([0]);
    expect(groups[1]?.length).toBeGreaterThan(2);
    expect(groups.length).toBeLessThan(5);
  });

  test("keeps one transaction to its bound of bytes", async () => {
    const groups: number[] = [];
    const { stations } = harness();
    let release = () => {};
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const commit: Stations["commit"] = async (some) => {
      groups.push(some.length);
      await stuck;
      return stored(some);
    };
    async function* large() {
      const bytes = new Uint8Array(limits.commitBytes / 2);
      for (let number = 0; number < 7; number += 1) yield { ...page(number), bytes };
    }
    const running = run(large(), { ...stations, commit });
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
    release();
    expect((await running).kind).toBe("ended");
    expect(Math.max(...groups)).toBe(2);
  });

  test("goes on with what a commit left over, and names what it refused", async () => {
    const { stations, committed } = harness();
    const refusal: Refusal = { code: "link", message: "", docketNumber: 6 };
    const commit: Stations["commit"] = async (some) => {
      const first = some[0] as CheckedPage;
      if (numberOf(first) === 6) return { count: 0, head: null, stop: refusal };
      committed.push(numberOf(first));
      return stored([first]);
    };
    const told: number[] = [];
    const end = await run(pages(9), {
      ...stations,
      commit,
      onPage: ({ checked: one }) => told.push(one === null ? -1 : numberOf(one)),
    });
    expect(end).toEqual({ kind: "refused", refusal });
    expect(committed).toEqual([0, 1, 2, 3, 4, 5]);
    expect(told).toEqual(committed);
  });

  test("waits for the genesis docket's policy before it checks what follows", async () => {
    const { stations, policies } = harness();
    const end = await runPipeline(pages(5), {
      stations,
      policy: null,
      capacity: 4,
      inFlight: new InFlight(),
      stop: () => {},
    });
    expect(end.kind).toBe("ended");
    expect(policies).toEqual([null, policy, policy, policy, policy]);
  });

  test("ends at the first refusal with what came before committed, and stops the source", async () => {
    const refusal: Refusal = { code: "merkle", message: "", docketNumber: 3 };
    const { stations, committed } = harness();
    const check: Stations["check"] = async (pulled, under): Promise<Outcome<CheckedPage>> =>
      pulled.nextNumber === 3
        ? { ok: false, refusal }
        : { ok: true, value: checked(pulled.nextNumber, under) };
    let isStopped = false;
    async function* endless() {
      for (let number = 0; !isStopped; number += 1) yield page(number);
    }
    const end = await run(endless(), { ...stations, check }, () => {
      isStopped = true;
    });
    expect(end).toEqual({ kind: "refused", refusal });
    expect(committed).toEqual([0, 1, 2]);
  });

  test("commits what arrived before the source failed, then reports the failure", async () => {
    const { stations, committed } = harness();
    async function* failing() {
      yield page(0);
      yield page(1);
      throw new Error("connection lost");
    }
    const end = await run(failing(), stations);
    expect(end.kind).toBe("failed");
    expect(committed).toEqual([0, 1]);
  });

  test("ends as moved when the register moved under the run", async () => {
    const { stations } = harness();
    const end = await run(pages(3), {
      ...stations,
      commit: async () => ({ count: 0, head: null, stop: "moved" as const }),
    });
    expect(end.kind).toBe("moved");
  });

  test("reports a broken database as a failure, not as the source's fault", async () => {
    const { stations } = harness();
    const commit = () => Promise.reject(new Error("disk full"));
    const end = await run(pages(3), { ...stations, commit });
    expect(end.kind).toBe("broken");
  });

  test("tells the source's head also by a page without dockets", async () => {
    const heads: number[] = [];
    const { stations } = harness();
    async function* idle() {
      yield { ...page(0), docketCount: 0, sourceHeadNumber: 7 };
    }
    await run(idle(), {
      ...stations,
      onPage: ({ checked, sourceHeadNumber }) => {
        expect(checked).toBeNull();
        heads.push(sourceHeadNumber);
      },
    });
    expect(heads).toEqual([7]);
  });
});
