import { beforeAll, describe, expect, test } from "bun:test";
import type { Docket } from "../../src/dockets/types.ts";
import * as rest from "../../src/rest/app.ts";
import { checkProof, type ProofInput } from "../../src/ui/proof/proof.ts";
import { Rest } from "../rest/rest-of.ts";

const { subtle } = crypto;

describe("the proof that the browser computes", () => {
  let inputs: ProofInput[] = [];

  beforeAll(async () => {
    const api = await Rest.open();
    const { registerId } = await api.node.createRegister({ name: "r" });
    for (const count of [1, 2, 3, 7]) {
      const lines = Array.from({ length: count }, (_, index) => JSON.stringify({ count, index }));
      await api.node.importRecords({ registerId, importId: `of-${count}`, firstLine: 1, lines });
    }
    const path = `/api/registers/${registerId}`;
    const { genesisHash } = (await api.get(path)).body;
    const answer = await fetch(`${api.url}${path}/pages?control=true`);
    const policyFrames = await answer.bytes();
    const ids = [...(api.node.registers.get(registerId)?.transactions.keys() ?? [])];
    inputs = await Promise.all(
      ids.map(async (id) => {
        const transaction = (await api.get(`${path}/transactions/${id}`)).body;
        const docket = (await api.get(`${path}/dockets/${transaction.docketNumber}`)).body.docket;
        return { transaction, docketText: docket, genesisHash, policyFrames };
      }),
    );
    await rest.close();
  });

  async function isProven(input: ProofInput): Promise<boolean> {
    const { inclusion, seal, policy } = await checkProof(input, subtle);
    return [...inclusion, ...seal, ...policy].every((step) => step.isTrue);
  }

  function changed(change: (input: ProofInput, docket: Docket) => void): ProofInput {
    const input = structuredClone(inputs.at(-2) as ProofInput);
    const docket = JSON.parse(input.docketText) as Docket;
    change(input, docket);
    return { ...input, docketText: JSON.stringify(docket) };
  }

  test("is true of every transaction, whatever its place and its docket's size", async () => {
    expect(inputs.length).toBe(14);
    expect(await Promise.all(inputs.map(isProven))).toEqual(inputs.map(() => true));
  });

  test.each<[string, (input: ProofInput, docket: Docket) => void]>([
    [
      "a record",
      ({ transaction }) => {
        transaction.transaction = transaction.transaction.replace("count", "Count");
      },
    ],
    ["a leaf", ({ transaction }) => Object.assign(transaction.proof, { leaf: "0".repeat(64) })],
    [
      "a neighbour",
      ({ transaction }) =>
        Object.assign(transaction.proof.steps[1] ?? {}, { hash: "0".repeat(64) }),
    ],
    [
      "a side",
      ({ transaction: { proof } }) => {
        const [first] = proof.steps;
        if (first !== undefined) first.side = first.side === "left" ? "right" : "left";
      },
    ],
    ["a missing step", ({ transaction }) => void transaction.proof.steps.pop()],
    ["a root", (_, docket) => Object.assign(docket, { merkleRoot: "0".repeat(64) })],
    ["a time", (_, docket) => Object.assign(docket, { createdAt: "2020-01-01T00:00:00.000Z" })],
    ["a link", (_, docket) => Object.assign(docket, { previousHash: "0".repeat(64) })],
    ["a missing seal", (_, docket) => Object.assign(docket, { proposerSignature: null })],
    ["another genesis", (input) => Object.assign(input, { genesisHash: "0".repeat(64) })],
    [
      "a cut policy chain",
      (input) => Object.assign(input, { policyFrames: input.policyFrames.slice(0, -9) }),
    ],
    ["no policy chain", (input) => Object.assign(input, { policyFrames: new Uint8Array(4) })],
  ])("is not true with %s that was changed", async (_, change) => {
    expect(await isProven(changed(change))).toBe(false);
  });
});
