import { owned } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import type { CheckedPage, Outcome } from "../dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../dockets/verify.ts";
import { startThread, type Thread } from "../runtime/thread.ts";
import type { FromVerifier, PageFacts, ToVerifier } from "./messages.ts";

interface Job {
  number: number;
  request: VerifyRequest;
  /** How often a thread died over it. */
  deaths: number;
  resolve: (outcome: Outcome<CheckedPage>) => void;
  reject: (error: unknown) => void;
}

interface Place {
  thread: Thread<ToVerifier> | null;
  jobs: Job[];
}

/**
 * Threads that verify pages, each with one page at hand and one to go on with; further pages wait
 * in order. The bytes go to a thread as a copy, which costs a hundredth of the verifying: so they
 * are still here when a thread dies. Its pages are given to a new thread once more, and then
 * verified on the calling thread.
 */
export class Verifiers {
  readonly #places: Place[];
  readonly #waiting: Job[] = [];
  readonly #jobsPerThread = 2;
  #lastNumber = 0;
  #isClosed = false;

  constructor(readonly options: { threadUrl: URL; count: number; waitingMax: number }) {
    this.#places = Array.from({ length: options.count }, () => ({ thread: null, jobs: [] }));
  }

  verifyPage(request: VerifyRequest): Promise<Outcome<CheckedPage>> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (this.#waiting.length >= this.options.waitingMax) {
      return Promise.reject(
        new PeerError("exhausted", "verifiers-busy", {
          message: "Too many pages wait for a check",
        }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<CheckedPage>>();
    const number = ++this.#lastNumber;
    const own = { ...request, bytes: owned(request.bytes) };
    this.#waiting.push({ number, request: own, deaths: 0, resolve, reject });
    this.#handOut();
    return promise;
  }

  /** Pages that no thread has begun with. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Ends the threads; pages that are not done are given up with an error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const left = [...this.#waiting.splice(0), ...this.#places.flatMap((place) => place.jobs)];
    for (const job of left) job.reject(closedError());
    await Promise.all(this.#places.map((place) => place.thread?.stop()));
  }

  #handOut(): void {
    for (let depth = 1; depth <= this.#jobsPerThread; depth += 1) {
      for (const place of this.#places) {
        if (place.jobs.length >= depth) continue;
        const job = this.#waiting.shift();
        if (job === undefined) return;
        this.#give(place, job);
      }
    }
  }

  #give(place: Place, job: Job): void {
    place.jobs.push(job);
    place.thread ??= startThread<ToVerifier, FromVerifier>(this.options.threadUrl, {
      onMessage: (message) => this.#take(place, message),
      onError: () => this.#replace(place),
    });
    place.thread.post({ job: job.number, request: job.request });
  }

  #take(place: Place, message: FromVerifier): void {
    const index = place.jobs.findIndex((job) => job.number === message.job);
    const [job] = index < 0 ? [] : place.jobs.splice(index, 1);
    this.#handOut();
    if (job === undefined) return;
    if (message.outcome === null) verifyHere(job);
    else job.resolve(withBytes(message.outcome, job.request.bytes));
  }

  /** The thread died. A new one is started by the next page that needs it. */
  #replace(place: Place): void {
    if (this.#isClosed) return;
    place.thread = null;
    const jobs = place.jobs.splice(0);
    for (const job of jobs) job.deaths += 1;
    this.#waiting.unshift(...jobs.filter((job) => job.deaths < 2));
    this.#handOut();
    for (const job of jobs) if (job.deaths >= 2) verifyHere(job);
  }
}

function verifyHere(job: Job): void {
  try {
    job.resolve(verifyPage(job.request));
  } catch (thrown) {
    job.reject(thrown);
  }
}

function withBytes(
  outcome: Outcome<PageFacts>,
  bytes: Uint8Array<ArrayBuffer>,
): Outcome<CheckedPage> {
  return outcome.ok ? { ok: true, value: { ...outcome.value, bytes } } : outcome;
}

function closedError(): PeerError {
  return new PeerError("unavailable", "stopping", { message: "The node is stopping" });
}
