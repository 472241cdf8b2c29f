import { PeerError } from "../base/error.ts";
import { coreCount } from "../runtime/vitals.ts";
import * as workers from "../workers/pool.ts";
import { readFrames, type TruePage, truePages, truePagesFrom } from "./chain.ts";
import type { Client } from "./client.ts";

export interface HeldRegister {
  registerId: string;
  genesisHash: string;
  firstDocketNumber: number;
  headDocketNumber: number;
  headDocketHash: string;
  latestVersion: number;
  transactionCount: number;
  verification: "sealed" | "chain";
}

const verifierThreadsMax = 4;

/** Runs work with verifier threads of its own. */
export async function withVerifiers<T>(threadUrl: URL, work: () => Promise<T>): Promise<T> {
  workers.open({ threadUrl, count: Math.min(verifierThreadsMax, coreCount()) });
  try {
    return await work();
  } finally {
    await workers.close();
  }
}

/**
 * All of a register that a node holds, verified here page by page. Throws when a docket is not
 * true, and when the node has less than it says.
 */
export async function* verifiedRegister(
  client: Client,
  options: { register: HeldRegister; genesisHash?: string; signal: AbortSignal },
): AsyncGenerator<TruePage> {
  const { register, signal } = options;
  const { registerId, firstDocketNumber: from } = register;
  const chain = {
    registerId,
    acceptUnsealed: register.verification === "chain",
    genesisHash: options.genesisHash ?? register.genesisHash,
  };
  const frames = readFrames(
    client.stream("pages", { params: { registerId }, query: { from }, signal }),
  );
  const pages =
    from === 0
      ? truePages(frames, chain)
      : truePagesFrom(frames, { ...chain, policyChain: await policyChain(client, registerId) });
  let next = from;
  for await (const one of pages) {
    next = one.next.nextNumber;
    yield one;
  }
  if (next > register.headDocketNumber) return;
  const { headDocketNumber } = register;
  throw new PeerError("conflict", "incomplete", {
    message: `Docket ${next} is missing: the node said that docket ${headDocketNumber} is its newest`,
    facts: { nextNumber: next, headDocketNumber },
  });
}

/** A register's control dockets, from the genesis docket on, as one frame. */
export async function policyChain(
  client: Client,
  registerId: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  const query = { from: 0, control: true };
  for await (const frame of readFrames(client.stream("pages", { params: { registerId }, query }))) {
    frames.push(frame);
  }
  const [frame] = frames;
  if (frame !== undefined && frames.length === 1) return frame;
  throw new PeerError("unprocessable", "no-policy-chain", {
    message: "The node has no policy chain for this register that could be verified here",
  });
}
