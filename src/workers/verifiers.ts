import { PeerError } from "../base/error.ts";
import type { CheckedPage, Outcome } from "../dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../dockets/verify.ts";
import { limits } from "../runtime/limits.ts";
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
  /** Memory that pages lay in: the next ones are given in it, for memory that is new is dear. */
  spare: ArrayBuffer[];
}

/**
 * Threads that verify pages, each with one page at hand and one to go on with; further pages wait
 * in order. A thread is given a page's bytes by transfer, and those are the only copy that is made
 * between wire and database: what the message was received in stays here, so that a thread that
 * dies takes no page along. Measured: that copy is 0.05 ms of the 6 ms that a page of 1 MiB takes
 * to verify; a clone by `postMessage` costs twice as much. A dead thread's pages are given to a new
 * one once more, and then verified on the calling thread.
 */
export class Verifiers {
  readonly #places: Place[];
  readonly #waiting: Job[] = [];
  readonly #jobsPerThread = 2;
  #lastNumber = 0;
  #isClosed = false;

  constructor(readonly options: { threadUrl: URL; count: number; waitingMax: number }) {
    this.#places = Array.from({ length: options.count }, () => ({
      thread: null,
      jobs: [],
      spare: [],
    }));
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
    this.#waiting.push({ number, request, deaths: 0, resolve, reject });
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
    for (let job = this.#waiting[0]; job !== undefined; job = this.#waiting[0]) {
      const place = this.#placeFor(job);
      if (place === undefined) return;
      this.#waiting.shift();
      this.#give(place, job);
    }
  }

  /**
   * Signatures are dear: each page of them goes to the thread that has least to do. Hashes alone a
   * thread checks faster than they come, and whoever brings and stores them needs as many cores:
   * half of the threads are for them, and another one is woken when the others fall behind by more
   * than what two questions bring at once. Measured on two cores: a second thread that is woken
   * for hashes costs a tenth of the processor time that a catch-up takes, most of it to compile
   * the same code once more.
   */
  #placeFor({ request }: Job): Place | undefined {
    const free = this.#places.filter(({ jobs }) => jobs.length < this.#jobsPerThread);
    if (request.verifyTransactions === "none") {
      const isBehind = this.#waiting.length > pagesBehind;
      const half = this.#places.slice(0, Math.ceil(this.#places.length / 2));
      return free.find(
        (place, index) =>
          half.includes(place) && (index === 0 || place.thread !== null || isBehind),
      );
    }
    return free.find(({ jobs }) => jobs.length === 0) ?? free[0];
  }

  #give(place: Place, job: Job): void {
    place.jobs.push(job);
    place.thread ??= startThread<ToVerifier, FromVerifier>(this.options.threadUrl, {
      onMessage: (message) => this.#take(place, message),
      onError: () => this.#replace(place),
    });
    const bytes = copyInto(place.spare.pop(), job.request.bytes);
    place.thread.post({ job: job.number, request: { ...job.request, bytes } }, [bytes.buffer]);
  }

  #take(place: Place, message: FromVerifier): void {
    const index = place.jobs.findIndex((job) => job.number === message.job);
    const [job] = index < 0 ? [] : place.jobs.splice(index, 1);
    if (message.used.byteLength <= spareBytesMax) place.spare.push(message.used);
    this.#handOut();
    if (job === undefined) return;
    if (message.outcome === null) verifyHere(job);
    else job.resolve(withBytes(message.outcome, job.request.bytes));
  }

  /** The thread died. A new one is started by the next page that needs it. */
  #replace(place: Place): void {
    if (this.#isClosed) return;
    place.thread = null;
    place.spare = [];
    const jobs = place.jobs.splice(0);
    for (const job of jobs) job.deaths += 1;
    this.#waiting.unshift(...jobs.filter((job) => job.deaths < 2));
    this.#handOut();
    for (const job of jobs) if (job.deaths >= 2) verifyHere(job);
  }
}

/** Two questions' worth of frames. */
const pagesBehind = 16;
/** What most pages fit into; a larger one's memory is let go of. */
const spareBytesMax = 2 * limits.frameBytes;

/** The same bytes in this memory, or in new memory where they don't fit. */
function copyInto(
  memory: ArrayBuffer | undefined,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  // Room for the next one, which may be a little longer.
  const isFitting = memory !== undefined && memory.byteLength >= length;
  const room = isFitting
    ? memory
    : new ArrayBuffer(Math.max(length, limits.frameBytes + 64 * 1024));
  const copy = new Uint8Array(room, 0, length);
  copy.set(bytes);
  return copy;
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
