import { PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { PeerMessage } from "../wire/distribution-messages.ts";
import { Allowance } from "./allowance.ts";
import type { Book } from "./book.ts";
import { type Asker, isProvenAs } from "./discovery.ts";
import type { Lines } from "./lines.ts";
import { isSignatureOfMessage } from "./signed-message.ts";

export interface RelayOptions {
  /** By the operator's word; off: every message for somebody else is refused. */
  isOn: boolean;
  book: Book;
  lines: Lines;
  clock: Pick<Clock, "monotonicMs">;
}

/**
 * Passes a message on to a peer that can't be dialled and keeps a line open here. One hop: the
 * sender itself brings it, and it goes to its reader. The relay keeps nothing that the line can't
 * take, and dials nobody for a stranger. A value.
 */
export class Relay {
  readonly #ofSender: Allowance;
  readonly #ofHost: Allowance;

  constructor(private readonly options: RelayOptions) {
    const bounds = { namesMax: 4_096, monotonicMs: () => options.clock.monotonicMs() };
    this.#ofSender = new Allowance({ ...limits.relayed, ...bounds });
    this.#ofHost = new Allowance({ ...limits.relayed, ...bounds });
  }

  /** Resolved once it lies on the recipient's line. Throws what keeps it from getting there. */
  pass(message: PeerMessage, asker: Asker): void {
    const { senderPeerId, recipientPeerId } = message;
    const recipient = recipientPeerId.slice(0, 64);
    if (!this.options.isOn) {
      throw new PeerError("conflict", "relay-off", {
        message: `This node is not ${recipient}, and relays nothing`,
      });
    }
    if (!isProvenAs(senderPeerId, asker, this.options.book)) {
      throw new PeerError("unauthenticated", "unproven", {
        message: "Only what its sender itself brings, and proves to be, is relayed",
      });
    }
    const host = limitedAs(hostOfConnection(asker.address));
    if (!this.#ofHost.take(host) || !this.#ofSender.take(senderPeerId)) {
      throw new PeerError("exhausted", "too-many-messages", {
        message: "Too many messages to be relayed; later",
        facts: { retryAfterMs: 1_000 },
      });
    }
    if (!isSignatureOfMessage(message)) {
      throw new PeerError("unauthenticated", "unsigned", {
        message: "A message to be relayed is signed by its sender for its recipient",
      });
    }
    if (this.options.lines.say(recipientPeerId, message)) return;
    throw new PeerError("not-found", "unknown-recipient", {
      message: `Peer ${recipient} keeps no line open here`,
    });
  }
}
