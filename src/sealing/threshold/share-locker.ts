import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { present } from "../../base/assert.ts";
import { concat, utf8 } from "../../base/bytes.ts";
import { PeerError } from "../../base/error.ts";
import { type RandomBytes, scalarBytes, scalarOf } from "./polynomial.ts";

/** Which share it is: one can't be put in another's place in the database. */
export interface ShareName {
  registerId: string;
  epoch: number;
  index: number;
}

/**
 * Locks shares away for the database, with a key made of the node's own secret in its data
 * directory: a copy of the database alone gives no share.
 */
export class ShareLocker {
  constructor(
    private readonly key: Uint8Array,
    private readonly random: RandomBytes,
  ) {}

  lock(share: bigint, name: ShareName): Uint8Array {
    const nonce = this.random(24);
    return concat([nonce, this.#cipher(nonce, name).encrypt(scalarBytes(share))]);
  }

  /** Throws `configuration`: the data directory is not the one that this was locked with. */
  unlock(locked: Uint8Array, name: ShareName): bigint {
    try {
      const bytes = this.#cipher(locked.slice(0, 24), name).decrypt(locked.slice(24));
      return present(scalarOf(bytes), "a scalar that was locked away");
    } catch (cause) {
      throw new PeerError("configuration", "share-locked", {
        message: `The share of register ${name.registerId} was locked with another node's key`,
        cause,
      });
    }
  }

  #cipher(nonce: Uint8Array, { registerId, epoch, index }: ShareName) {
    return xchacha20poly1305(this.key, nonce, utf8(JSON.stringify([registerId, epoch, index])));
  }
}
