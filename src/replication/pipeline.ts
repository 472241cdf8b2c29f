import { messageOf } from "../base/error.ts";
import { BoundedQueue } from "../base/queue.ts";
import type { CheckedPage, Head, Outcome, Policy, Refusal } from "../dockets/types.ts";
import type { PulledPage } from "./pull.ts";

/** What the pipeline calls at its stations; each returns a value and knows no other station. */
export interface Stations {
  /**
   * Verifies on a thread. The page's bytes are gone after the call; they come back in the result.
   */
  check(page: PulledPage, policy: Policy | null): Promise<Outcome<CheckedPage>>;
  /** Joins and stores. `moved`: the register's head or policy was no longer what the page needs. */
  commit(checked: CheckedPage, sourcePeerId: string): Promise<Outcome<Head> | "moved">;
  /** Called after each page, also an empty one that only tells the source's head. */
  onPage(progress: { head: Head | null; sourceHeadNumber: number }): void;
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
 * Pages are verified side by side and committed in order. `stop` is called when nothing more is
 * wanted of the source; it must make `pages` end.
 */
export async function runPipeline(
  pages: AsyncIterable<PulledPage>,
  options: { stations: Stations; policy: Policy | null; capacity: number; stop: () => void },
): Promise<PipelineEnd> {
  const { stations } = options;
  const inFlight = new BoundedQueue<InFlight>(options.capacity);
  let pullError: unknown = null;
  const pulling = feed(pages, { ...options, inFlight }).catch((error) => {
    pullError = error;
    inFlight.close();
  });
  const end = await drain(inFlight, stations).catch(
    (error): PipelineEnd => ({ kind: "broken", error }),
  );
  options.stop();
  inFlight.close();
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

interface InFlight {
  page: PulledPage;
  /** Null for a page without dockets. */
  checked: Promise<Outcome<CheckedPage>> | null;
}

async function feed(
  pages: AsyncIterable<PulledPage>,
  options: { stations: Stations; policy: Policy | null; inFlight: BoundedQueue<InFlight> },
): Promise<void> {
  let policy = options.policy;
  for await (const page of pages) {
    const checked = page.docketCount === 0 ? null : options.stations.check(page, policy);
    // A refusal surfaces where pages are taken out in order; here it must only not go unhandled.
    checked?.catch(() => undefined);
    if (!(await options.inFlight.push({ page, checked }))) return;
    if (policy === null && checked !== null) {
      // The genesis docket brings the policy that everything behind it is checked under.
      const outcome = await checked;
      if (!outcome.ok) break;
      policy = outcome.value.policyAfter;
    }
  }
  options.inFlight.close();
}

async function drain(queue: BoundedQueue<InFlight>, stations: Stations): Promise<PipelineEnd> {
  for await (const { page, checked } of queue) {
    let head: Head | null = null;
    if (checked !== null) {
      const outcome = await checked;
      if (!outcome.ok) return { kind: "refused", refusal: outcome.refusal };
      const committed = await stations.commit(outcome.value, page.sourcePeerId);
      if (committed === "moved") return { kind: "moved" };
      if (!committed.ok) return { kind: "refused", refusal: committed.refusal };
      head = committed.value;
    }
    stations.onPage({ head, sourceHeadNumber: page.sourceHeadNumber });
  }
  return { kind: "ended" };
}
