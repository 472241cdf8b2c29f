import { present } from "../../base/assert.ts";
import { base64urlOf, hexOf } from "../../base/bytes.ts";
import type { Policy } from "../../dockets/types.ts";
import { limits } from "../../runtime/limits.ts";
import { type Commitments, type Pause, publicShareAt } from "./commitments.ts";
import { commitmentsIn, type GroupEpoch, groupKeyText, groupSharesText } from "./group-epoch.ts";
import { assembleSignature, checkPartials, type Partial, signPartial } from "./partials.ts";

/** Where group keys lie between two runs of this node. */
export interface KeyStore {
  list(): Promise<GroupEpoch[]>;
  /** Durable when it resolves. */
  save(epoch: GroupEpoch): Promise<void>;
  remove(epoch: GroupEpoch): Promise<void>;
}

/** A group as who seals needs it: this validator's part, and all parts put together. */
export interface Group {
  epoch: number;
  threshold: number;
  index: number;
  /** By validator id; null for one that is no member. */
  indexOf(validatorId: string): number | null;
  validatorOf(index: number): string | null;
  /** Compressed, 96 bytes; of any member's share. */
  publicShare(index: number): Uint8Array;
  /** 48 bytes over a docket's hash (hex). Whoever calls it has made sure to do so once a number. */
  signPartial(docketHash: string): Uint8Array;
  /** Whether that is a member's part of the signature on a docket's hash (hex). */
  isPartial(docketHash: string, partial: Partial): Promise<boolean>;
  /** The checked group signature, once there are enough; and whose parts were false. */
  assemble(
    docketHash: string,
    partials: readonly Partial[],
  ): Promise<{ signature: Uint8Array | null; faulty: string[] }>;
}

/** The group keys this node has a share of, by register; each save is durable before it counts. */
export class GroupKeys {
  readonly #epochs = new Map<string, GroupEpoch[]>();
  /** Reading points is dear; each epoch's are read once. */
  readonly #commitments = new WeakMap<GroupEpoch, Commitments>();

  constructor(
    private readonly store: KeyStore,
    private readonly pause: Pause,
  ) {}

  async open(): Promise<void> {
    for (const epoch of await this.store.list()) this.#put(epoch);
  }

  of(registerId: string): readonly GroupEpoch[] {
    return this.#epochs.get(registerId) ?? [];
  }

  latest(registerId: string): number {
    return Math.max(0, ...this.of(registerId).map((one) => one.epoch));
  }

  /** The one that the policy in force names. */
  active(registerId: string, policy: Policy): GroupEpoch | null {
    return this.of(registerId).find((epoch) => isOfPolicy(epoch, policy)) ?? null;
  }

  async save(epoch: GroupEpoch): Promise<void> {
    await this.store.save(epoch);
    this.#put(epoch);
  }

  /**
   * Lets go of what no policy will name any more: what is older than the shares in force or was
   * made beside them, and of broken sessions without end the oldest.
   */
  async forgetOld(registerId: string, policy: Policy): Promise<void> {
    const active = this.active(registerId, policy);
    const all = this.of(registerId);
    const later = all.filter((one) => one.epoch > (active?.epoch ?? 0));
    const pending = later.filter((one) => one.state === "pending");
    const spared = new Set(pending.slice(-limits.keySessionsPending));
    const kept = later.filter((one) => one.state === "certified" || spared.has(one));
    if (active !== null) kept.unshift(active);
    for (const one of all) if (!kept.includes(one)) await this.store.remove(one);
    this.#epochs.set(registerId, kept);
  }

  group(epoch: GroupEpoch): Group {
    const commitments = this.#commitments.get(epoch) ?? commitmentsIn(epoch);
    this.#commitments.set(epoch, commitments);
    const { members, share } = epoch;
    const { pause } = this;
    const validatorOf = (index: number) => members[index - 1]?.validatorId ?? null;
    return {
      epoch: epoch.epoch,
      threshold: epoch.threshold,
      index: epoch.index,
      indexOf: (id) => members.find((one) => one.validatorId === id)?.index ?? null,
      validatorOf,
      publicShare: (index) => publicShareAt(commitments, index).toBytes(),
      signPartial: (docketHash) => signPartial(share, docketHash),
      isPartial: async (docketHash, partial) => {
        const publicShareOf = (index: number) =>
          validatorOf(index) === null ? null : publicShareAt(commitments, index);
        const faulty = await checkPartials([partial], { docketHash, publicShareOf, pause });
        return faulty.length === 0;
      },
      assemble: async (docketHash, partials) => {
        const whole = { docketHash, commitments, memberCount: members.length, pause };
        const { signature, faulty } = await assembleSignature(partials, whole);
        return { signature, faulty: faulty.map((at) => validatorOf(at) ?? `share ${at}`) };
      },
    };
  }

  #put(epoch: GroupEpoch): void {
    const { epoch: number, session } = epoch;
    const isOther = (one: GroupEpoch) => one.epoch !== number || one.session !== session;
    const others = this.of(epoch.registerId).filter(isOther);
    const all = [...others, epoch].sort((left, right) => left.epoch - right.epoch);
    this.#epochs.set(epoch.registerId, all);
  }
}

export function isOfPolicy(epoch: GroupEpoch, policy: Policy): boolean {
  return (
    policy.groupPublicKey === groupKeyText(epoch) &&
    policy.groupShares === groupSharesText(epoch) &&
    policy.threshold === epoch.threshold &&
    policy.validators.length === epoch.members.length &&
    policy.validators.every(({ validatorId, publicKey }, at) => {
      const member = present(epoch.members[at], "a member a validator");
      return member.validatorId === validatorId && base64urlOf(member.publicKey) === publicKey;
    })
  );
}

/** What makes the policy of a register that of its new group. */
export function policyOfGroup(
  policy: Policy,
  epoch: Pick<GroupEpoch, "members" | "threshold" | "commitments">,
): Policy {
  return {
    ...policy,
    version: policy.version + 1,
    validators: validatorsOf(epoch.members),
    threshold: epoch.threshold,
    groupPublicKey: groupKeyText(epoch),
    groupShares: groupSharesText(epoch),
  };
}

export function validatorsOf(members: GroupEpoch["members"]): Policy["validators"] {
  return members.map(({ validatorId, publicKey }) => ({
    validatorId,
    publicKey: base64urlOf(publicKey),
    algorithm: "ED25519",
  }));
}

export function isSameKey(epoch: GroupEpoch, commitments: readonly Uint8Array[]): boolean {
  const spelled = (all: readonly Uint8Array[]) => all.map(hexOf).join();
  return spelled(epoch.commitments) === spelled(commitments);
}
