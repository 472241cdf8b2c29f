import { backoffMs } from "../base/backoff.ts";
import { messageOf } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Channel } from "../wire/client.ts";
import { messageType, type PeerMessage } from "../wire/distribution-messages.ts";
import { communication } from "../wire/services.ts";

export interface KeptLinesOptions {
  nodeId: string;
  /** To whom: their ids. */
  peerIds: readonly string[];
  /** Null where the peer is not known, or not wanted, for now. */
  channelTo: (peerId: string) => Channel | null;
  hear: (message: PeerMessage) => Promise<void>;
  clock: Pick<Clock, "nowMs" | "sleep">;
  dice: () => number;
  log: Log;
}

/**
 * Keeps a line open to each of some peers, and hears what they say on it and what they relay: so a
 * node that nobody can dial is reached. A line that breaks is opened again. A value.
 */
export class KeptLines {
  readonly #stopping = new AbortController();
  readonly #lines: Promise<void>[];

  constructor(private readonly options: KeptLinesOptions) {
    this.#lines = options.peerIds.map((peerId) => this.#keep(peerId));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#lines);
  }

  async #keep(peerId: string): Promise<void> {
    const { clock, dice, log } = this.options;
    const { signal } = this.#stopping;
    for (let turn = 0; !signal.aborted; turn += 1) {
      try {
        const channel = this.options.channelTo(peerId);
        if (channel !== null) await this.#listen(peerId, channel, () => (turn = 0));
      } catch (error) {
        if (signal.aborted) return;
        log.debug({ peerId, err: messageOf(error) }, "The line broke; it is opened again");
      }
      await clock.sleep(backoffMs(turn, { ...patience, dice }), signal).catch(() => undefined);
    }
  }

  async #listen(peerId: string, channel: Channel, onHeard: () => void): Promise<void> {
    const { nodeId, clock, hear, log } = this.options;
    const opening = {
      senderPeerId: nodeId,
      recipientPeerId: peerId,
      messageType: messageType.heartbeat,
      timestamp: clock.nowMs(),
    };
    const { signal } = this.#stopping;
    log.info({ peerId }, "A line is opened");
    const said = channel.stream(communication.stream, opening, { signal, staysOpen: true });
    for await (const message of said) {
      onHeard();
      await hear(message).catch((error) => {
        const { senderPeerId: from, messageType: type } = message;
        log.debug({ peerId, from, type, err: messageOf(error) }, "Heard, and not believed");
      });
    }
  }
}

const patience = { firstMs: 500, longestMs: 30_000 };
