import { networkGroup, scopeOf } from "./address.ts";

interface Vote {
  host: string;
  /** Network group of whoever says it. */
  group: string;
  isTrusted: boolean;
}

/**
 * Where this node is reached from outside, as far as it is known: what the operator says, else what
 * a STUN server sees, else what most peers see us at, else the address we listen on. A value.
 */
export class ExternalAddress {
  readonly #votes = new Map<string, Vote>();
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

  /**
   * A peer says where it sees us. One peer has one vote, however often it speaks. `isTrusted`: the
   * operator named it; `voterHost`: where it is.
   */
  note(peerId: string, said: { host: string; voterHost: string; isTrusted: boolean }): void {
    const { host, voterHost, isTrusted } = said;
    if (scopeOf(host) === "never" || scopeOf(host) === "name") return;
    this.#votes.delete(peerId);
    this.#votes.set(peerId, { host, group: networkGroup(voterHost), isTrusted });
    for (const oldest of this.#votes.keys()) {
      if (this.#votes.size <= votesMax) break;
      this.#votes.delete(oldest);
    }
  }

  noteServer(host: string): void {
    if (scopeOf(host) === "public" || scopeOf(host) === "private") this.#seenByServer = host;
  }

  /**
   * Strangers of one network can't move us, however many: a host counts when one of the operator's
   * peers sees us there, or peers of two networks do; then the one with the most votes.
   */
  #mostVoted(): string | null {
    const votesFor = new Map<string, Vote[]>();
    for (const vote of this.#votes.values()) {
      votesFor.set(vote.host, [...(votesFor.get(vote.host) ?? []), vote]);
    }
    let best: { host: string; count: number } | null = null;
    for (const [host, votes] of votesFor) {
      const groups = new Set(votes.map((vote) => vote.group));
      const isCredible = groups.size > 1 || votes.some((vote) => vote.isTrusted);
      if (isCredible && votes.length > (best?.count ?? 0)) best = { host, count: votes.length };
    }
    return best?.host ?? null;
  }
}

export function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

const votesMax = 32;
