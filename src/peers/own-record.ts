import { limits } from "../runtime/limits.ts";
import type { Advert } from "./advert.ts";
import type { Identity } from "./identity.ts";
import { type PeerRecord, recordBytes } from "./record.ts";

/**
 * Makes what this node says of itself, signed. The sequence grows whenever a signed fact changes,
 * and starts from the wall clock so that it is higher after a restart than before it.
 */
export class OwnRecord {
  #seq = 0;
  #signedFacts = "";
  #signature: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly options: {
      identity: Identity;
      /** Where others reach us, as far as that is known by now. */
      host: string | (() => string);
      /** 0 while nothing listens yet. */
      port: () => number;
      protocols: string[];
      nowMs: () => number;
      /** Registers that anybody may know of. */
      publicAdverts: () => Advert[];
    },
  ) {}

  /**
   * A peer knows a newer record of ours: our clock ran ahead when we made it, or runs
   * behind now. The next one is newer, or nobody would believe it. A bound keeps liars from using
   * up the numbers.
   */
  outgrow(seq: number): void {
    if (seq <= this.#seq || seq > this.options.nowMs() + limits.recordAheadMs) return;
    this.#seq = seq;
    this.#signedFacts = "";
  }

  /** Signed anew only when something signed has changed. */
  current(): PeerRecord {
    const { options } = this;
    const { identity } = options;
    const record: PeerRecord = {
      peerId: identity.nodeId,
      host: typeof options.host === "string" ? options.host : options.host(),
      port: options.port(),
      protocols: options.protocols,
      adverts: options.publicAdverts(),
      publicKey: identity.publicKey,
      seq: 0,
      signature: null,
      lastSeenMs: options.nowMs(),
    };
    const facts = Buffer.from(recordBytes(record)).toString("base64");
    if (facts !== this.#signedFacts) {
      this.#seq = Math.max(this.#seq + 1, options.nowMs());
      this.#signedFacts = facts;
      this.#signature = identity.sign(recordBytes({ ...record, seq: this.#seq }));
    }
    return { ...record, seq: this.#seq, signature: this.#signature };
  }
}
