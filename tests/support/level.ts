/** What must hold of two nodes once a fault is over. */
import { type TestNode, until } from "./node.ts";

/** Waits until both have the same head. */
export async function expectLevel(
  node: TestNode,
  level: { with: TestNode; registerId: string },
): Promise<void> {
  const { registerId } = level;
  await until(async () => {
    const [one, other] = await Promise.all([
      node.register(registerId),
      level.with.register(registerId),
    ]);
    return one !== null && one.headDocketHash === other?.headDocketHash;
  }, `${node.name} to be level with ${level.with.name}; log: ${node.logFile}`);
}

/** Connected, and neither banned nor left alone for a while. */
export async function isInGoodStanding(node: TestNode, peerId: string): Promise<boolean> {
  const peers =
    await node.get<
      { peerId: string; isConnected: boolean; isBanned: boolean; quarantinedUntil: string | null }[]
    >("/api/peers");
  const peer = peers.find((one) => one.peerId === peerId);
  return peer?.isConnected === true && !peer.isBanned && peer.quarantinedUntil === null;
}
