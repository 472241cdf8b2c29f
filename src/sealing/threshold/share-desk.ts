import { assert, present } from "../../base/assert.ts";
import { limits } from "../../runtime/limits.ts";
import type {
  BlsKeyShareDistribution,
  OpeningMessage,
} from "../../wire/key-generation-messages.ts";
import {
  type Commitments,
  commitmentBytes,
  commitTo,
  isShareTrue,
  type Pause,
  publicShareAt,
} from "./commitments.ts";
import {
  type Polynomial,
  type RandomBytes,
  randomPolynomial,
  scalarBytes,
  scalarOf,
  shareAt,
} from "./polynomial.ts";
import type { Participant, Proposal } from "./proposal.ts";
import { type BoxPlace, closeBox, newSessionKeys, openBox, type SessionKeys } from "./share-box.ts";
import { refusal } from "./signed.ts";

/**
 * The shares of one session at one validator: those that it deals, and those that it is dealt. Owns
 * the session's secrets; `Member` asks it, and nothing of it leaves but boxes and commitments, and
 * a share that a complaint demands.
 */
export class ShareDesk {
  readonly #keys: SessionKeys;
  readonly #theirKeys = new Map<string, Uint8Array>();
  #transcript: Uint8Array | null = null;
  #polynomial: Polynomial | null = null;
  /** Came before it was known with whose key they open. */
  readonly #early: BlsKeyShareDistribution[] = [];
  readonly #shares = new Map<string, bigint>();
  /** Dealers whose share was found to be what they committed to: that is dear to find out. */
  readonly #true = new Set<string>();

  constructor(
    private readonly options: {
      proposal: Proposal;
      ownId: string;
      /** Null for a dealer who shall hold no share of the new key. */
      index: number | null;
      random: RandomBytes;
    },
  ) {
    this.#keys = newSessionKeys(options.random);
  }

  get encryptionKey(): Uint8Array {
    return this.#keys.publicKey;
  }

  /** From now on boxes can be made and opened. `transcript` is what all have seen by now. */
  meet(theirKeys: ReadonlyMap<string, Uint8Array>, transcript: Uint8Array): void {
    this.#transcript = transcript;
    for (const [id, key] of theirKeys) this.#theirKeys.set(id, key);
    for (const share of this.#early.splice(0)) {
      if (this.#problemWith(share) === null) this.#open(share);
    }
  }

  /** A new secret, or the given one, in a box for each of these, and what it is committed to. */
  async deal(
    recipients: readonly Participant[],
    { secret, pause }: { secret: bigint | null; pause: Pause },
  ): Promise<{ commitments: Uint8Array[]; shares: BlsKeyShareDistribution[] }> {
    const { proposal, random, ownId: dealerId } = this.options;
    const constant = secret === null ? {} : { constant: secret };
    const polynomial = randomPolynomial(proposal.threshold, { ...constant, random });
    const commitments = commitTo(polynomial);
    this.#polynomial = polynomial;
    const shares: BlsKeyShareDistribution[] = [];
    for (const { validatorId: recipientId, index } of recipients) {
      await pause();
      const theirs = present(this.#theirKeys.get(recipientId), "a key of whom we met");
      const place = this.#place({ dealerId, recipientId, index });
      const bytes = scalarBytes(shareAt(polynomial, index));
      shares.push({
        registerId: proposal.registerId,
        senderValidatorId: dealerId,
        recipientValidatorId: recipientId,
        shareIndex: index,
        encryptedSecretShare: closeBox(bytes, { place, own: this.#keys, theirs, random }),
        publicShare: publicShareAt(commitments, index).toBytes(),
        // Of what this dealer gives: all dealers' together make the group's key.
        groupPublicKey: publicShareAt(commitments, 0).toBytes(),
        threshold: proposal.threshold,
        totalSigners: proposal.members.length,
      });
    }
    return { commitments: commitmentBytes(commitments), shares };
  }

  /** Throws a `PeerError` for a share that isn't for us, or not of this session. */
  take(share: BlsKeyShareDistribution): void {
    const { proposal, ownId, index } = this.options;
    if (share.registerId !== proposal.registerId) {
      throw refusal("other-register", "The share is of another register's key");
    }
    if (share.recipientValidatorId !== ownId || index === null) {
      throw refusal("wrong-recipient", "The share is not for this validator");
    }
    if (share.shareIndex !== index) {
      throw refusal("wrong-index", `This validator has index ${index}, not ${share.shareIndex}`);
    }
    if (this.#transcript === null) {
      // Anybody may have sent it: what is too much is dropped, and asked for by a complaint.
      if (this.#early.length < 2 * limits.groupMembers) this.#early.push(share);
      return;
    }
    const problem = this.#problemWith(share);
    if (problem !== null) throw problem;
    this.#open(share);
  }

  /** Whether a share of each of these dealers is here, if any is to come at all. */
  hasAll(dealers: readonly Participant[]): boolean {
    if (this.options.index === null) return true;
    return dealers.every((dealer) => this.#shares.has(dealer.validatorId));
  }

  /** The share that this dealer gave us, if it is what it committed to. */
  trueShare(dealerId: string, commitments: Commitments): bigint | null {
    const { index } = this.options;
    const share = this.#shares.get(dealerId);
    if (share === undefined || index === null) return null;
    if (!this.#true.has(dealerId) && !isShareTrue(commitments, { index, share })) return null;
    this.#true.add(dealerId);
    return share;
  }

  /** What we dealt to these, for everybody to see; null where we dealt nothing. */
  showTo(complainers: readonly Participant[]): OpeningMessage[] | null {
    const polynomial = this.#polynomial;
    if (polynomial === null) return null;
    return complainers.map(({ validatorId, index }) => ({
      recipientValidatorId: validatorId,
      share: scalarBytes(shareAt(polynomial, index)),
    }));
  }

  /** Lets go of every secret: the session is over. */
  clear(): void {
    this.#polynomial = null;
    this.#shares.clear();
    this.#true.clear();
    this.#theirKeys.clear();
    this.#keys.secret.fill(0);
  }

  #problemWith(share: BlsKeyShareDistribution) {
    if (this.#unboxed(share) !== null) return null;
    return refusal("bad-box", `The share can't be opened as one of ${share.senderValidatorId}`);
  }

  /** The first that opens holds: only its dealer can have made it. */
  #open(share: BlsKeyShareDistribution): void {
    const { senderValidatorId } = share;
    const opened = this.#unboxed(share);
    if (opened === null || this.#shares.has(senderValidatorId)) return;
    this.#shares.set(senderValidatorId, opened);
  }

  #unboxed(share: BlsKeyShareDistribution): bigint | null {
    const { ownId: recipientId, index } = this.options;
    const theirs = this.#theirKeys.get(share.senderValidatorId);
    if (theirs === undefined || index === null) return null;
    const place = this.#place({ dealerId: share.senderValidatorId, recipientId, index });
    const bytes = openBox(share.encryptedSecretShare, { place, own: this.#keys, theirs });
    return bytes === null ? null : scalarOf(bytes);
  }

  #place(between: Pick<BoxPlace, "dealerId" | "recipientId" | "index">): BoxPlace {
    const { registerId, epoch, nonce } = this.options.proposal;
    assert(this.#transcript !== null, "boxes are made once it is known who takes part");
    return { registerId, epoch, nonce, ...between, transcript: this.#transcript };
  }
}
