import { scopeOf } from "./address.ts";

/**
 * Where this node is reached from outside, as far as it is known: what the operator says, else what
 * a STUN server sees, else what most peers see us at, else the address we listen on. A value.
 */
export class ExternalAddress {
  readonly #votes = new Map<string, string>();
  #seenByServer: string | null = null;

  constructor(
    private readonly options: {
      /** The operator's word; null: find out. */
      configured: string | null;
      /** What the listener is bound to; `0.0.0.0` or `::` is every address. */
      bound: string;
      /** An address of this machine, for as long as nobody told a better one. */
      own: string;
    },
  ) {}

  get host(): string {
    const { configured, bound, own } = this.options;
    if (configured !== null) return configured;
    if (this.#seenByServer !== null) return this.#seenByServer;
    if (!isEverywhere(bound)) return bound;
    return this.#mostVoted() ?? own;
  }

  /** A peer says where it sees us. One peer has one vote, however often it speaks. */
  note(peerId: string, host: string): void {
    if (scopeOf(host) === "never" || scopeOf(host) === "name") return;
    this.#votes.delete(peerId);
    this.#votes.set(peerId, host);
    for (const oldest of this.#votes.keys()) {
      if (this.#votes.size <= votesMax) break;
      this.#votes.delete(oldest);
    }
  }

  noteServer(host: string): void {
    if (scopeOf(host) === "public" || scopeOf(host) === "private") this.#seenByServer = host;
  }

  /** A stranger alone can't move us: a new host counts once it has more votes than any other. */
  #mostVoted(): string | null {
    const counts = new Map<string, number>();
    for (const host of this.#votes.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    let best: string | null = null;
    for (const [host, count] of counts) {
      if (best === null || count > (counts.get(best) ?? 0)) best = host;
    }
    return best;
  }
}

export function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

const votesMax = 32;
