import { describe, expect, test } from "bun:test";
import { type Step, type Supervised, Supervisor } from "../../src/replication/supervisor.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../support/sim-clock.ts";

/** Looks each second of an hour, or less; gives when which step was taken, in seconds. */
async function watch(
  look: (nowMs: number) => Partial<Supervised>,
  options: { seconds: number },
): Promise<[number, Step][]> {
  const clock = new SimClock();
  const steps: [number, Step][] = [];
  const told: string[] = [];
  const supervisor = new Supervisor({
    look: () => ({
      nextNumber: 5,
      isBehind: true,
      sourcePeerId: "a",
      startedMs: 0,
      ...look(clock.monotonicMs()),
    }),
    act: (step) => steps.push([clock.monotonicMs() / 1000, step]),
    tell: (happening) => told.push(happening.message),
    clock,
  });
  const stopping = new AbortController();
  const running = supervisor.run(stopping.signal);
  await clock.passUntil(clock.sleep(options.seconds * 1000), { withinMs: 1e9 });
  stopping.abort();
  await running;
  expect(told.length).toBe(steps.length);
  return steps;
}

describe("Supervisor", () => {
  test("takes ever stronger steps while no docket is stored, and begins again", async () => {
    const steps = await watch(() => ({}), { seconds: 125 });
    expect(steps.map(([, step]) => step)).toEqual([
      "re-request",
      "other-source",
      "re-handshake",
      "re-discover",
      "re-request",
      "other-source",
      "re-handshake",
      "re-discover",
    ]);
    const seconds = steps.map(([second]) => second);
    expect(seconds).toEqual(seconds.toSorted((left, right) => left - right));
  });

  test("leaves a register alone that gets on, however slowly", async () => {
    const steps = await watch((nowMs) => ({ nextNumber: Math.floor(nowMs / 9_000) }), {
      seconds: 300,
    });
    expect(steps).toEqual([]);
  });

  test("leaves a register alone that has all there is", async () => {
    expect(await watch(() => ({ isBehind: false }), { seconds: 3_600 })).toEqual([]);
  });

  test("does not start a run anew that has lasted long and is behind only now", async () => {
    const longMs = limits.runMs + 60_000;
    const look = (nowMs: number) => ({ nextNumber: nowMs, isBehind: nowMs > longMs });
    expect(await watch(look, { seconds: longMs / 1_000 + 120 })).toEqual([]);
  });

  test("starts a run anew that is behind after its full time, although dockets come", async () => {
    const steps = await watch((nowMs) => ({ nextNumber: nowMs }), {
      seconds: limits.runMs / 1000 + 2,
    });
    expect(steps[0]?.[1]).toBe("restart");
  });
});
