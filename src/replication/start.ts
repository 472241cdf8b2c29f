import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { encodePage, scanPage } from "../dockets/bundle.ts";
import { startAt } from "../dockets/join.ts";
import type { CheckedPage, Head, Outcome, Policy, Refusal } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { appendStart } from "../registers/append-start.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Channel } from "../wire/client.ts";
import { registerSync, replication } from "../wire/services.ts";
import { toPage } from "./pull.ts";
import { pullCompatible } from "./pull-compatible.ts";

export interface StartOptions {
  registerId: string;
  channel: Channel;
  nodeId: string;
  pullTimeoutMs: number;
  /** Both sides speak our own protocol. */
  usesReplication: boolean;
  clock: Clock;
  signal: AbortSignal;
  check: (
    page: { bytes: Uint8Array; nextNumber: number; isPolicyChain: boolean },
    policy: Policy | null,
  ) => Promise<Outcome<CheckedPage>>;
}

/**
 * How a follower without the past begins: the policy chain from the genesis docket on says whom to
 * believe, and the newest docket, sealed under the last policy, is where the following starts. Both
 * go through the same verification as every page.
 */
export async function startForwardOnly(
  source: Source,
  options: StartOptions,
): Promise<Outcome<Head>> {
  const policyChain = await pullPolicyChain(source, options);
  if (!policyChain.ok) return policyChain;
  const head = await pullHead(source, { ...options, policyChain: policyChain.value });
  if (!head.ok) return head;
  const start = startAt(policyChain.value, head.value);
  if (!start.ok) return start;
  const stored = await appendStart(start.value, {
    sourcePeerId: source.peerId,
    firstVersion: head.value?.firstVersion ?? 0,
  });
  if (stored !== "moved") return { ok: true, value: stored };
  return refusal("number", "The register appeared here while its start was fetched");
}

async function pullPolicyChain(
  source: Source,
  options: StartOptions,
): Promise<Outcome<CheckedPage>> {
  const bytes = options.usesReplication
    ? await pullOne(source, { ...options, nextNumber: 0, controlOnly: true, docketCount: 0 })
    : await pullCompatibleOne(source, { ...options, nextNumber: 0 });
  if (bytes === null) return refusal("number", "The source gave no genesis docket");
  return options.check({ bytes, nextNumber: 0, isPolicyChain: true }, null);
}

async function pullHead(
  source: Source,
  options: StartOptions & { policyChain: CheckedPage },
): Promise<Outcome<CheckedPage | null>> {
  const lastControl = options.policyChain.dockets.at(-1)?.number ?? 0;
  const headNumber = await readHeadNumber(source, options);
  if (headNumber <= lastControl) return { ok: true, value: null };
  const bytes = options.usesReplication
    ? await pullOne(source, {
        ...options,
        nextNumber: headNumber,
        controlOnly: false,
        docketCount: 1,
      })
    : await pullCompatibleOne(source, { ...options, nextNumber: headNumber });
  if (bytes === null) return refusal("number", "The source does not give the head it told of");
  const page = { bytes, nextNumber: headNumber, isPolicyChain: false };
  return options.check(page, options.policyChain.policyAfter);
}

async function readHeadNumber(source: Source, options: StartOptions): Promise<number> {
  const status = await options.channel.unary(
    registerSync.getRegisterSyncStatus,
    { registerId: options.registerId, peerId: options.nodeId },
    { deadlineMs: options.pullTimeoutMs, signal: options.signal },
  );
  if (status.totalDockets === 0 && status.latestDocketVersion === 0) {
    throw new PeerError("unavailable", "nothing-there", {
      message: `Peer ${source.peerId} holds no docket of the register yet`,
    });
  }
  return status.latestDocketVersion;
}

/** The frames of one range, put together into one page. */
async function pullOne(
  source: Source,
  options: StartOptions & { nextNumber: number; controlOnly: boolean; docketCount: number },
): Promise<Uint8Array | null> {
  const frames = options.channel.stream(
    replication.pullRange,
    {
      registerId: options.registerId,
      nextDocket: options.nextNumber,
      docketCountMax: options.docketCount,
      bytesMax: 0,
      headersOnly: false,
      controlOnly: options.controlOnly,
    },
    { signal: options.signal, silenceMs: options.pullTimeoutMs },
  );
  const pages: Uint8Array[] = [];
  for await (const frame of frames) {
    const page = toPage(frame, { source, ...options });
    if (page.docketCount > 0) pages.push(page.bytes);
    if (pages.length > policyChainPagesMax) {
      throw new PeerError("too-large", "policy-chain-too-long", {
        message: `Peer ${source.peerId} sends a policy chain without an end`,
      });
    }
  }
  if (pages.length > 1) return joinPages(pages);
  return pages[0] ?? null;
}

async function pullCompatibleOne(
  source: Source,
  options: StartOptions & { nextNumber: number },
): Promise<Uint8Array | null> {
  for await (const page of pullCompatible(source, { ...options, pullDocketCount: 1 })) {
    return page.docketCount === 0 ? null : page.bytes;
  }
  return null;
}

/** 16 frames hold thousands of policy changes. */
const policyChainPagesMax = 16;

function joinPages(pages: readonly Uint8Array[]): Uint8Array {
  const bundles = pages.flatMap((page) => {
    const scanned = scanPage(page);
    assert(scanned.ok, "a page that was read once can be read again");
    return scanned.value.bundles.map(({ offset, length }) =>
      page.subarray(offset, offset + length),
    );
  });
  return encodePage({ bundles, headNumber: 0, firstVersion: 0 });
}

function refusal(code: Refusal["code"], message: string): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber: null } };
}
