import { concat, owned } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodePage, scanPage } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import { isPolicyCurrent, joinPage, startAt } from "../dockets/join.ts";
import type { Anchor, CheckedPage, Outcome, Refusal } from "../dockets/types.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { verifyPage } from "../workers/pool.ts";

/** A page that was found true here, and where the chain stands behind it. */
export interface TruePage {
  page: CheckedPage;
  next: Anchor;
}

export interface ChainOptions {
  registerId: string;
  /** What docket 0's hash has to be. */
  genesisHash?: string;
  acceptUnsealed: boolean;
}

/** Pages whose verification may be on its way at once; more would only cost memory. */
const pagesAhead = 4;

/**
 * Verifies a register from docket 0 on as its pages come, in order and in bounded memory. Nothing
 * the other side says is believed: it all follows from the dockets. Throws what is refused.
 */
export async function* truePages(
  pages: AsyncIterable<Uint8Array<ArrayBuffer>>,
  options: ChainOptions,
): AsyncGenerator<TruePage> {
  yield* joined(pages, { ...options, anchor: startOf(options.registerId) });
}

/**
 * The same for a register that is held from a later docket on: whom to believe there follows from
 * the dockets that carry its policy, which are all there.
 */
export async function* truePagesFrom(
  pages: AsyncIterable<Uint8Array<ArrayBuffer>>,
  options: ChainOptions & { policyChain: Uint8Array<ArrayBuffer> },
): AsyncGenerator<TruePage> {
  const iterator = pages[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const chainBytes = policyBefore(options.policyChain, firstNumber(first.value));
  const chain = trueValue(
    await check(
      { ...options, bytes: chainBytes, isPolicyChain: true },
      startOf(options.registerId),
    ),
  );
  const policy = chain.policyAfter;
  const place = { nextNumber: firstNumber(first.value), policy };
  const page = trueValue(await check({ ...options, bytes: first.value }, place));
  const { next } = trueValue(startAt(chain, page));
  yield { page, next };
  const rest = { [Symbol.asyncIterator]: () => iterator };
  yield* joined(rest, { ...options, anchor: next });
}

/** Frames of the REST endpoint `pages`, checked to be complete. */
export async function* readFrames(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let parts: Uint8Array[] = [];
  let held = 0;
  let wanted: number | null = null;
  for await (const part of bytes) {
    parts.push(part);
    held += part.byteLength;
    while (held >= (wanted ?? 4)) {
      const all: Uint8Array = parts.length === 1 ? (parts[0] as Uint8Array) : concat(parts);
      const size: number = wanted ?? 4;
      const taken = all.subarray(0, size);
      parts = [all.subarray(size)];
      held -= size;
      if (wanted !== null) yield owned(new Uint8Array(taken));
      wanted = wanted === null ? lengthIn(taken) : null;
      if (wanted === 0) return;
    }
  }
  throw new PeerError("network", "cut-off", {
    message: "The node's answer broke off before its end",
  });
}

/** A refusal in words for whoever verifies. */
export function refused(refusal: Refusal): PeerError {
  const where = refusal.docketNumber === null ? "The chain" : `Docket ${refusal.docketNumber}`;
  return new PeerError("conflict", `refused-${refusal.code}`, {
    message: `${where} is not true (${refusal.code}): ${refusal.message}`,
    facts: { ...refusal },
  });
}

type CheckRequest = ChainOptions & { bytes: Uint8Array<ArrayBuffer>; isPolicyChain?: boolean };

/** Keeps some verifications on their way, and joins their results in order. */
async function* joined(
  pages: AsyncIterable<Uint8Array<ArrayBuffer>>,
  options: ChainOptions & { anchor: Anchor },
): AsyncGenerator<TruePage> {
  let anchor = options.anchor;
  let ahead = anchor.nextNumber;
  const underway: { bytes: Uint8Array<ArrayBuffer>; checking: Promise<Outcome<CheckedPage>> }[] =
    [];
  const settle = async (): Promise<TruePage> => {
    const { bytes, checking } = underway.shift() as (typeof underway)[number];
    let page = trueValue(await checking);
    // Checked ahead under a policy that a page before it has replaced meanwhile.
    if (!isPolicyCurrent(anchor, page))
      page = trueValue(await check({ ...options, bytes }, anchor));
    anchor = trueValue(joinPage(anchor, page)).next;
    return { page, next: anchor };
  };
  for await (const bytes of pages) {
    const place = { nextNumber: ahead, policy: anchor.policy };
    const checking = check({ ...options, bytes }, place);
    checking.catch(() => undefined);
    underway.push({ bytes, checking });
    ahead += docketCount(bytes);
    // The first page brings the policy that the others are checked under.
    if (anchor.policy === null || underway.length >= pagesAhead) yield await settle();
  }
  while (underway.length > 0) yield await settle();
}

function check(
  request: CheckRequest,
  place: Pick<Anchor, "nextNumber" | "policy">,
): Promise<Outcome<CheckedPage>> {
  return verifyPage({
    registerId: request.registerId,
    bytes: request.bytes,
    nextNumber: place.nextNumber,
    policy: place.policy,
    nowMs: systemClock.nowMs(),
    verifyTransactions: "all",
    acceptUnsealed: request.acceptUnsealed,
    ...(request.genesisHash === undefined ? {} : { genesisHash: request.genesisHash }),
    ...(request.isPolicyChain === undefined ? {} : { isPolicyChain: request.isPolicyChain }),
  });
}

function startOf(registerId: string): Anchor {
  return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
}

/** Only what was in force before docket `number`. */
function policyBefore(page: Uint8Array<ArrayBuffer>, number: number): Uint8Array<ArrayBuffer> {
  const bundles = trueValue(scanPage(page)).bundles.filter(
    (bundle) => numberIn(page, bundle) < number,
  );
  return encodePage({
    bundles: bundles.map((one) => page.subarray(one.offset, one.offset + one.length)),
    headNumber: 0,
    firstVersion: 0,
  });
}

function firstNumber(page: Uint8Array): number {
  const [bundle] = trueValue(scanPage(page)).bundles;
  return bundle === undefined ? 0 : numberIn(page, bundle);
}

function numberIn(
  page: Uint8Array,
  bundle: { offset: number; docketOffset: number; docketLength: number },
): number {
  const start = bundle.offset + bundle.docketOffset;
  const document = page.subarray(start, start + bundle.docketLength);
  return trueValue(decodeDocket(document)).docketNumber;
}

function docketCount(page: Uint8Array): number {
  const scanned = scanPage(page);
  return scanned.ok ? scanned.value.bundles.length : 0;
}

function trueValue<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw refused(outcome.refusal);
}

function lengthIn(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (length <= limits.messageBytes) return length;
  throw new PeerError("network", "bad-frame", {
    message: "The node sent a frame that is too large",
  });
}
