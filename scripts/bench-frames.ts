/** A register's frames for benchmarks: pulled whole from a node, and verified alone. */
import { scanPage } from "../src/dockets/bundle.ts";
import type { CheckedPage } from "../src/dockets/types.ts";
import { openChannel } from "../src/wire/client.ts";
import { replication } from "../src/wire/services.ts";
import * as workers from "../src/workers/pool.ts";
import type { BenchNode } from "./bench-node.ts";

/** A whole register as frames, neither verified nor stored: what the stream alone gives. */
export async function pullAll(
  source: BenchNode,
  registerId: string,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for await (const frame of framesOf(source, registerId)) frames.push(new Uint8Array(frame));
  return frames;
}

async function* framesOf(source: BenchNode, registerId: string): AsyncGenerator<Uint8Array> {
  const channel = openChannel({ address: source.grpcAddress });
  const range = {
    registerId,
    nextDocket: 0,
    docketCountMax: 0,
    bytesMax: 0,
    headersOnly: false,
    controlOnly: false,
  };
  yield* channel.stream(replication.pullRange, range);
  channel.close();
}

/** All frames checked by the open pool of verifiers, and nothing else. */
export async function verifyAll(
  registerId: string,
  work: { frames: readonly Uint8Array<ArrayBuffer>[]; verifyTransactions: "all" | "none" },
): Promise<CheckedPage[]> {
  const { frames, verifyTransactions } = work;
  const first = await verifyFrame(registerId, {
    bytes: frames[0] as Uint8Array<ArrayBuffer>,
    next: 0,
    verifyTransactions,
  });
  const checking = [Promise.resolve(first)];
  let next = first.dockets.length;
  for (const bytes of frames.slice(1)) {
    checking.push(verifyFrame(registerId, { bytes, next, verifyTransactions, after: first }));
    next += docketCountOf(bytes);
  }
  return Promise.all(checking);
}

async function verifyFrame(
  registerId: string,
  frame: {
    bytes: Uint8Array<ArrayBuffer>;
    next: number;
    verifyTransactions: "all" | "none";
    after?: CheckedPage;
  },
): Promise<CheckedPage> {
  const outcome = await workers.verifyPage({
    registerId,
    bytes: frame.bytes,
    nextNumber: frame.next,
    policy: frame.after?.policyAfter ?? null,
    nowMs: Date.now(),
    verifyTransactions: frame.verifyTransactions,
    acceptUnsealed: false,
  });
  if (!outcome.ok) throw new Error(outcome.refusal.message);
  return outcome.value;
}

function docketCountOf(bytes: Uint8Array): number {
  const scanned = scanPage(bytes);
  return scanned.ok ? scanned.value.bundles.length : 0;
}
