import { messageOf } from "../base/error.ts";
import { BoundedQueue } from "../base/queue.ts";
import type { CheckedPage, Outcome, Policy, Refusal } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";
import type { Committed } from "./commit.ts";
import { Held, type InFlight } from "./in-flight.ts";
import type { PulledPage } from "./pull.ts";

/** What the pipeline calls at its stations; each returns a value and knows no other station. */
export interface Stations {
  /**
   * Verifies on a thread. The page's bytes are gone after the call; they come back in the result.
   */
  check(page: PulledPage, policy: Policy | null): Promise<Outcome<CheckedPage>>;
  /** Joins pages that follow each other, and stores them together: at least one, or says why. */
  commit(pages: readonly CheckedPage[], sourcePeerId: string): Promise<Committed>;
  /** Called after each page is stored, and for an empty one that only tells the source's head. */
  onPage(progress: { checked: CheckedPage | null; sourceHeadNumber: number }): void;
}

/** How a run over one source ended. Whatever was committed before stays. */
export type PipelineEnd =
  | { kind: "ended" }
  | { kind: "moved" }
  | { kind: "refused"; refusal: Refusal }
  /** The source failed. */
  | { kind: "failed"; error: unknown }
  /** This node failed: its database, a thread. */
  | { kind: "broken"; error: unknown };

/**
 * Pull, verify and commit one source's pages with all three at work at once: up to `capacity` pages
 * are between wire and database, and when they are, the puller waits and with it the source.
 * Pages are verified side by side and committed in order; those that are ready when their turn
 * comes go into the database together, and none is kept waiting for another. `stop` is called when
 * nothing more is wanted of the source; it must make `pages` end.
 */
export async function runPipeline(
  pages: AsyncIterable<PulledPage>,
  options: {
    stations: Stations;
    policy: Policy | null;
    capacity: number;
    /** What all registers of the node hold. */
    inFlight: InFlight;
    stop: () => void;
  },
): Promise<PipelineEnd> {
  const { stations } = options;
  const queue = new BoundedQueue<Pulled>(options.capacity);
  const held = new Held(options.inFlight);
  let pullError: unknown = null;
  const pulling = feed(pages, { ...options, queue, held }).catch((error) => {
    pullError = error;
    queue.close();
  });
  const end = await drain(queue, { stations, held }).catch(
    (error): PipelineEnd => ({ kind: "broken", error }),
  );
  options.stop();
  queue.close();
  held.end();
  await pulling;
  if (end.kind === "ended" && pullError !== null) return { kind: "failed", error: pullError };
  return end;
}

/** A sentence for logs and operators. */
export function describeEnd(end: PipelineEnd): string {
  switch (end.kind) {
    case "ended":
      return "The source ended the stream";
    case "moved":
      return "The register moved under this run";
    case "refused":
      return end.refusal.message;
    case "failed":
    case "broken":
      return messageOf(end.error);
  }
}

interface Pulled {
  page: PulledPage;
  /** Null for a page without dockets. */
  checked: Promise<Outcome<CheckedPage>> | null;
  /** Once it was found true. */
  value: CheckedPage | null;
}

async function feed(
  pages: AsyncIterable<PulledPage>,
  options: {
    stations: Stations;
    policy: Policy | null;
    queue: BoundedQueue<Pulled>;
    held: Held;
  },
): Promise<void> {
  let policy = options.policy;
  for await (const page of pages) {
    const checked = page.docketCount === 0 ? null : options.stations.check(page, policy);
    const item: Pulled = { page, checked, value: null };
    // A failure surfaces where pages are taken out in order; here it must only not go unhandled.
    checked?.then(
      (outcome) => {
        item.value = outcome.ok ? outcome.value : null;
      },
      () => undefined,
    );
    options.held.add(page.bytes.length);
    if (!(await options.queue.push(item))) return;
    if (policy === null && checked !== null) {
      // The genesis docket brings the policy that everything behind it is checked under.
      const outcome = await checked;
      if (!outcome.ok) break;
      policy = outcome.value.policyAfter;
    }
    await options.held.room();
  }
  options.queue.close();
}

async function drain(
  queue: BoundedQueue<Pulled>,
  to: { stations: Stations; held: Held },
): Promise<PipelineEnd> {
  const { stations, held } = to;
  for await (const { page, checked } of queue) {
    if (checked === null) {
      held.remove(page.bytes.length);
      stations.onPage({ checked: null, sourceHeadNumber: page.sourceHeadNumber });
      continue;
    }
    const outcome = await checked;
    if (!outcome.ok) return { kind: "refused", refusal: outcome.refusal };
    const group = [{ page, value: outcome.value }, ...readyIn(queue, page.bytes.length)];
    const end = await commitAll(group, to);
    if (end !== null) return end;
  }
  return { kind: "ended" };
}

interface Ready {
  page: PulledPage;
  value: CheckedPage;
}

/** What waits checked behind a page of so many bytes, as far as it goes into one transaction. */
function readyIn(queue: BoundedQueue<Pulled>, bytesBefore: number): Ready[] {
  let bytes = bytesBefore;
  const isReady = ({ page, value }: Pulled) => {
    bytes += page.bytes.length;
    return value !== null && bytes <= limits.commitBytes;
  };
  return queue
    .takeWhile(isReady)
    .flatMap(({ page, value }) => (value === null ? [] : [{ page, value }]));
}

/** Null to go on. */
async function commitAll(
  group: readonly Ready[],
  { stations, held }: { stations: Stations; held: Held },
): Promise<PipelineEnd | null> {
  for (let left = group; left.length > 0; ) {
    const pages = left.map(({ value }) => value);
    const sourcePeerId = left.at(-1)?.page.sourcePeerId ?? "";
    const { count, stop } = await stations.commit(pages, sourcePeerId);
    for (const { page, value } of left.slice(0, count)) {
      held.remove(page.bytes.length);
      stations.onPage({ checked: value, sourceHeadNumber: page.sourceHeadNumber });
    }
    if (stop === "moved") return { kind: "moved" };
    if (stop !== null) return { kind: "refused", refusal: stop };
    left = left.slice(count);
  }
  return null;
}
