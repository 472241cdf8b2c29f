import { expect } from "bun:test";
import { base64urlOf } from "../../src/base/bytes.ts";
import { findFalseSeal } from "../../src/dockets/group-seal.ts";
import type { KeyNet, KeyNode } from "./key-net.ts";

/** Of the docket that groups sign in these tests. */
export const docketHash = "d0".repeat(32);

export function named(nodes: readonly KeyNode[]): { validatorId: string }[] {
  return nodes.map(({ validatorId }) => ({ validatorId }));
}

/** So many new nodes that hold a key together. */
export async function withGroup(
  net: KeyNet,
  { count, threshold }: { count: number; threshold: number },
): Promise<KeyNode[]> {
  const nodes = net.addMany(count);
  await nodes[0]!.coordinator.init("r", { threshold, validators: named(nodes) });
  await net.passSession(nodes[0]!);
  expect(nodes[0]!.session()?.state).toBe("finished");
  return nodes;
}

/** These nodes together make a signature that is true under the policy's key. */
export async function expectSigns(
  net: KeyNet,
  nodes: readonly KeyNode[],
  story: string,
): Promise<void> {
  const groups = nodes.map((node) => node.coordinator.groupOf("r"));
  const parts = groups.flatMap((group) =>
    group === null ? [] : [{ index: group.index, signature: group.signPartial(docketHash) }],
  );
  const [first] = groups;
  expect([story, first !== null]).toEqual([story, true]);
  const making = first!.assemble(docketHash, parts);
  await net.clock.pass(1);
  const { signature, faulty } = await making;
  expect([story, signature?.length, faulty]).toEqual([story, 48, []]);
  const seal = {
    docketNumber: 1,
    docketHash,
    signature: base64urlOf(signature!),
    groupPublicKey: net.policy.groupPublicKey ?? "",
  };
  expect(findFalseSeal([seal])).toBeNull();
}
