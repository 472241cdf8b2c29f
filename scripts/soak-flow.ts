/**
 * What goes on while the soak kills: records that flow in, and eyes on every node that see what
 * must never happen. Owns what the origin has acknowledged; knows nothing of kills.
 */
import type { Place, SoakNode } from "./soak-node.ts";

const linesAtOnce = 25;
const pauseMs = 100;
const lookMs = 150;

/** Records handed in without an end, and the record of those that the origin answered for. */
export class Flow {
  /** Lines 1 to this of the import are acknowledged. */
  importedLines = 0;
  /** Numbers of single records: acknowledged, and tried without an answer. */
  readonly acknowledged = new Set<number>();
  readonly unanswered = new Set<number>();
  #singles = 0;
  #isStopping = false;
  #running: Promise<unknown> | null = null;

  constructor(
    private readonly origin: SoakNode,
    private readonly registerId: string,
  ) {}

  start(): void {
    this.#running = Promise.all([this.#import(), this.#submit()]);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** An import goes on at the line that it was not answered for: nothing may be doubled by it. */
  async #import(): Promise<void> {
    while (!this.#isStopping) {
      const first = this.importedLines + 1;
      const lines = Array.from({ length: linesAtOnce }, (_, index) => lineOf(first + index));
      const query = `importId=soak&firstLine=${first}`;
      const path = `/api/registers/${this.registerId}/records?${query}`;
      const answer = await this.origin.post(path, lines.join(""));
      if (answer !== null) this.importedLines += linesAtOnce;
      await Bun.sleep(pauseMs);
    }
  }

  /** Each of these is tried once: without an answer it may be there, and never twice. */
  async #submit(): Promise<void> {
    while (!this.#isStopping) {
      this.#singles += 1;
      const single = this.#singles;
      const path = `/api/registers/${this.registerId}/transactions`;
      const answer = await this.origin.post(path, { data: { single } });
      (answer === null ? this.unanswered : this.acknowledged).add(single);
      await Bun.sleep(pauseMs / 4);
    }
  }
}

function lineOf(line: number): string {
  return `{"line":${line},"text":"${"soak ".repeat(20)}"}\n`;
}

/** Looks at a node again and again, also across its restarts, and keeps what was wrong. */
export class Watch {
  readonly wrongs: string[] = [];
  looks = 0;
  #last: Place | null = null;
  #isStopping = false;
  #running: Promise<void> | null = null;

  /** `hashes`: docket hashes by number, as any node has shown them; shared by all watches. */
  constructor(
    private readonly node: SoakNode,
    private readonly seen: { registerId: string; hashes: Map<number, string> },
  ) {}

  start(): void {
    this.#running = this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #look(): Promise<void> {
    while (!this.#isStopping) {
      const place = await this.node.register(this.seen.registerId);
      if (place !== null) this.#compare(place);
      await Bun.sleep(lookMs);
    }
  }

  #compare(place: Place): void {
    this.looks += 1;
    const { headDocketNumber: number, headDocketHash: hash } = place;
    const before = this.#last;
    if (before !== null && number < before.headDocketNumber) {
      this.#wrong(`its head went back from ${before.headDocketNumber} to ${number}`);
    }
    if (before !== null && place.transactionCount < before.transactionCount) {
      this.#wrong("it has fewer transactions than before");
    }
    if (place.height !== number + 1) this.#wrong(`its height ${place.height} has a gap`);
    if (place.latestVersion !== place.transactionCount) this.#wrong("its versions have a gap");
    const known = this.seen.hashes.get(number);
    if (known !== undefined && known !== hash) this.#wrong(`docket ${number} is not the same`);
    this.seen.hashes.set(number, hash);
    this.#last = place;
  }

  #wrong(what: string): void {
    if (this.wrongs.length < 100) this.wrongs.push(`${this.node.name}: ${what}`);
  }
}
