import { expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import { Circuit } from "../../src/peers/circuit.ts";
import { limits } from "../../src/runtime/limits.ts";

let nowMs = 0;
const monotonicMs = () => nowMs;

function silence(): PeerError {
  return new PeerError("network", "unreachable", { message: "nobody answers" });
}

/** Calls that are under way until they are told how they end. */
function callsUnderWay(circuit: Circuit, count: number): { fail: () => Promise<unknown> } {
  const ends = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const calls = ends.map(({ promise }) => circuit.run(() => promise).catch(() => undefined));
  return {
    fail: () => {
      nowMs += 10;
      for (const end of ends) end.reject(silence());
      return Promise.all(calls);
    },
  };
}

test("a cut line that ends many calls at once is one failure", async () => {
  const circuit = new Circuit({ monotonicMs });
  const calls = callsUnderWay(circuit, 20);
  const streamsBeganMs = nowMs;
  await calls.fail();
  for (let stream = 0; stream < 20; stream += 1) circuit.noteEnd(silence(), streamsBeganMs);
  await Bun.sleep(0);
  expect(circuit.state).toBe("closed");
});

test("failures that come one after the other open it, however many calls each one ends", async () => {
  const circuit = new Circuit({ monotonicMs });
  for (let failure = 1; failure <= limits.circuitFailures; failure += 1) {
    expect(circuit.state).toBe("closed");
    await callsUnderWay(circuit, 3).fail();
  }
  expect(circuit.state).toBe("open");
  nowMs += limits.circuitRestMs;
  // Finding out fails: it rests once more. It succeeds: all is well.
  await callsUnderWay(circuit, 1).fail();
  expect(circuit.isShut()).toBe(true);
  nowMs += limits.circuitRestMs;
  await circuit.run(async () => undefined);
  expect(circuit.state).toBe("closed");
});
