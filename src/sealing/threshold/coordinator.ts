/**
 * Group keys of a node's registers: makes them with the other validators, hands them on, and gives
 * them to who seals. Owns the sessions that run here, one a register, and through `GroupKeys` what
 * came of them. REST and the post call it; it seals nothing, and only a policy that was sealed
 * makes a new key count.
 */
import { hexOf } from "../../base/bytes.ts";
import { messageOf, PeerError } from "../../base/error.ts";
import type { Policy } from "../../dockets/types.ts";
import { limits } from "../../runtime/limits.ts";
import { type MessageType, messageType } from "../../wire/distribution-messages.ts";
import { blsKeyShareCodec } from "../../wire/services.ts";
import { Collector } from "./collector.ts";
import { commitmentBytes } from "./commitments.ts";
import {
  type Group,
  GroupKeys,
  isOfPolicy,
  isSameKey,
  type KeyStore,
  policyOfGroup,
} from "./group-keys.ts";
import {
  checkInvitation,
  membersOf,
  type NamedValidator,
  proposalBody,
  reasonToDecline,
} from "./invitation.ts";
import { Member } from "./member.ts";
import type { RandomBytes } from "./polynomial.ts";
import { type Proposal, readProposal } from "./proposal.ts";
import { Session, type SessionOptions } from "./session.ts";
import { bytesOf, nonceOf, readMessage, refusal, type Said, type Speaker, say } from "./signed.ts";
import {
  type PolicyEnd,
  sessionView,
  type ThresholdView,
  thresholdView,
} from "./threshold-view.ts";

export interface CoordinatorOptions
  extends Pick<SessionOptions, "clock" | "dice" | "log" | "send"> {
  me: Speaker;
  /** For secrets: never seeded outside of simulations. */
  random: RandomBytes;
  store: KeyStore;
  /** In force after the head; null for a register that is not here. */
  policyOf: (registerId: string) => Policy | null;
  /** The Ed25519 key by which a peer is known here. */
  keyOf: (peerId: string) => Uint8Array | null;
  /** Whether this node takes the seat that a policy would give it. */
  isWilling: (policy: Policy) => boolean;
  /** Agrees to a policy; resolves once it is stored, or waits for the others to agree. */
  changePolicy: (registerId: string, policy: Policy) => Promise<void>;
}

interface Running {
  session: Session;
  policyEnd: PolicyEnd | null;
}

export class Coordinator {
  readonly #keys: GroupKeys;
  readonly #sessions = new Map<string, Running>();
  /** Epochs of what was proposed here since the start: each proposal has a higher one. */
  readonly #floors = new Map<string, number>();
  readonly #pause = () => this.options.clock.sleep(0);

  constructor(private readonly options: CoordinatorOptions) {
    this.#keys = new GroupKeys(options.store, this.#pause);
  }

  open(): Promise<void> {
    return this.#keys.open();
  }

  /** What runs is broken off; the others notice by its silence. */
  close(): void {
    for (const { session } of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }

  /** The group in force, where this node has a share of its key. */
  groupOf(registerId: string): Group | null {
    const policy = this.options.policyOf(registerId);
    const active = policy === null ? null : this.#keys.active(registerId, policy);
    return active === null ? null : this.#keys.group(active);
  }

  status(registerId: string): ThresholdView {
    const policy = this.#policy(registerId);
    const running = this.#sessions.get(registerId);
    return thresholdView(registerId, {
      policy,
      active: this.#keys.active(registerId, policy),
      latest: this.#keys.of(registerId).at(-1) ?? null,
      session: running === undefined ? null : sessionView(running.session, running.policyEnd),
    });
  }

  /** Begins to make a key for a register that has none. Resolves once it is proposed. */
  async init(
    registerId: string,
    wanted: { threshold: number; validators: readonly NamedValidator[] },
  ): Promise<ThresholdView> {
    const policy = this.#policy(registerId);
    if (policy.groupPublicKey !== undefined) {
      throw conflict("has-group", "The register has a group key; reshare hands it on");
    }
    const { me } = this.options;
    if (!policy.validators.some((one) => one.validatorId === me.validatorId)) {
      throw conflict("not-the-validator", "This node is no validator of the register");
    }
    return this.#propose(registerId, { ...wanted, policy });
  }

  /** Begins to hand the key on to other validators, or under another threshold. */
  async reshare(
    registerId: string,
    wanted: { threshold: number; validators: readonly NamedValidator[] },
  ): Promise<ThresholdView> {
    const policy = this.#policy(registerId);
    if (policy.groupPublicKey === undefined) {
      throw conflict("no-group", "The register has no group key; init makes one");
    }
    if (this.#keys.active(registerId, policy) === null) {
      throw conflict("no-share", "This node holds no share of the register's key");
    }
    return this.#propose(registerId, { ...wanted, policy });
  }

  /** A message of the post. Throws a `PeerError` for one that has no place here. */
  async take(type: MessageType, payload: Uint8Array): Promise<void> {
    if (type === messageType.blsKeyShareDistribution) {
      const share = blsKeyShareCodec.decode(payload);
      await this.#running(share.registerId).session.takeShare(share);
      return;
    }
    const said = readMessage(payload);
    if (said.message.body === "proposal") return this.#takeProposal(said);
    await this.#running(said.message.registerId).session.takeSaid(said);
  }

  async #propose(
    registerId: string,
    wanted: { threshold: number; validators: readonly NamedValidator[]; policy: Policy },
  ): Promise<ThresholdView> {
    this.#refuseBusy(registerId, null);
    const { me, clock, random } = this.options;
    const { policy, threshold } = wanted;
    await this.#keys.forgetOld(registerId, policy);
    const members = membersOf(wanted.validators, (id) => this.#keyOf(id, policy));
    const active =
      policy.groupPublicKey === undefined ? null : this.#keys.active(registerId, policy);
    const body = proposalBody({ threshold, members, nowMs: clock.nowMs() }, active);
    const floor = Math.max(this.#keys.latest(registerId), this.#floors.get(registerId) ?? 0);
    const nonce = hexOf(random(16));
    const collector = new Collector(me, body, { registerId, epoch: floor + 1, nonce });
    this.#floors.set(registerId, floor + 1);
    await this.#run(collector.proposal, collector);
    return this.status(registerId);
  }

  async #takeProposal(said: Said): Promise<void> {
    const proposal = readProposal(said);
    const { registerId } = proposal;
    const { me, clock } = this.options;
    const policy = this.#policy(registerId);
    checkInvitation(proposal, { policy, me, nowMs: clock.nowMs() });
    const running = this.#sessions.get(registerId)?.session;
    if (running?.options.proposal.nonce === nonceOf(said.message)) return;
    this.#refuseBusy(registerId, proposal);
    await this.#keys.forgetOld(registerId, policy);
    const code = reasonToDecline(proposal, { ...this.options, policy, keys: this.#keys });
    if (code === null) return this.#run(proposal, null);
    const place = { proposal, me, previousHash: proposal.hash };
    const letter = {
      type: messageType.keyGeneration,
      payload: bytesOf(say({ decline: { code } }, place)),
    };
    // Who proposed waits for our answer to its message before it takes one of ours.
    this.options.send(proposal.leader.validatorId, letter).catch(() => undefined);
    throw refusal(code, `This node takes no part in epoch ${proposal.epoch}`);
  }

  async #run(proposal: Proposal, collector: Collector | null): Promise<void> {
    const { registerId, previous } = proposal;
    const { me, random } = this.options;
    const policy = this.#policy(registerId);
    const active = this.#keys.active(registerId, policy);
    const isOurs = previous !== null && active !== null;
    const ownShare = isOurs && isSameKey(active, commitmentBytes(previous)) ? active.share : null;
    const session: Session = new Session({
      ...this.options,
      proposal,
      ownId: me.validatorId,
      member: new Member({ proposal, me, random, ownShare, pause: this.#pause }),
      collector,
      save: (epoch) => this.#keys.save(epoch),
      onEnd: () => this.#ended(session),
    });
    this.#sessions.get(registerId)?.session.close();
    this.#sessions.set(registerId, { session, policyEnd: null });
    const facts = { registerId, epoch: proposal.epoch, proposer: proposal.leader.validatorId };
    this.options.log.info(facts, "A group key is being made");
    await session.start();
  }

  #ended(session: Session): void {
    const { proposal, collector, member } = session.options;
    const { registerId, epoch } = proposal;
    const failure = collector?.failure ?? member.failure;
    const { faults } = sessionView(session, null);
    const facts = { registerId, epoch, faults, ...failure };
    if (failure !== null) this.options.log.warn(facts, "The group key was not made");
    else this.options.log.info(facts, "The group key is whole");
    if (collector?.state === "certified") void this.#sealPolicy(session);
    else if (failure === null && collector === null) void this.#agree(session);
  }

  /** Where several seal, a validator agrees to the new policy by having taken part. */
  async #agree({ options: { proposal, member, ownId } }: Session): Promise<void> {
    const { registerId } = proposal;
    const { result } = member;
    const policy = this.#policy(registerId);
    const isSeated = policy.validators.some((one) => one.validatorId === ownId);
    const isAlone = policy.validators.length < 2;
    if (result === null || !isSeated || isAlone || isOfPolicy(result, policy)) return;
    try {
      await this.options.changePolicy(registerId, policyOfGroup(policy, result));
    } catch (error) {
      this.options.log.warn({ registerId, err: messageOf(error) }, "The policy is not agreed to");
    }
  }

  /** Who proposed brings the register's policy in line with the new group. */
  async #sealPolicy(session: Session): Promise<void> {
    const { proposal, member } = session.options;
    const { registerId } = proposal;
    const running = this.#sessions.get(registerId);
    // Who only hands its share on has none of the new ones, and knows what they are committed to.
    const made = { ...proposal, commitments: commitmentBytes(member.commitments ?? []) };
    if (running?.session !== session) return;
    running.policyEnd = { state: "sealing" };
    try {
      const policy = policyOfGroup(this.#policy(registerId), made);
      await this.options.changePolicy(registerId, policy);
      running.policyEnd = { state: "finished" };
    } catch (error) {
      const code = error instanceof PeerError ? error.code : "internal";
      const message = messageOf(error);
      running.policyEnd = { state: "waiting", code, message };
      this.options.log.warn({ registerId, code, message }, "The new policy is not sealed");
    }
  }

  /** One session a register; who proposed the one that runs may begin anew. */
  #refuseBusy(registerId: string, proposal: Proposal | null): void {
    const running = this.#sessions.get(registerId)?.session;
    if (running !== undefined && !running.isOver) {
      const { leader, epoch, proposedAtMs } = running.options.proposal;
      const isNewer = proposal !== null && proposal.proposedAtMs > proposedAtMs;
      if (!isNewer || leader.validatorId !== proposal.leader.validatorId) {
        throw conflict("session-running", `Epoch ${epoch} is being made, by ${leader.validatorId}`);
      }
    }
    const open = [...this.#sessions.values()].filter((one) => !one.session.isOver);
    if (open.length < limits.keySessions) return;
    throw new PeerError("exhausted", "too-many-sessions", {
      message: `This node takes part in ${open.length} sessions already`,
    });
  }

  #running(registerId: string): Running {
    const running = this.#sessions.get(registerId);
    if (running !== undefined) return running;
    throw refusal("unknown-session", "No key of this register is being made here");
  }

  #keyOf(validatorId: string, policy: Policy): Uint8Array | null {
    const { me, keyOf } = this.options;
    if (validatorId === me.validatorId) return me.publicKey;
    const validator = policy.validators.find((one) => one.validatorId === validatorId);
    if (validator?.algorithm === "ED25519") return Buffer.from(validator.publicKey, "base64url");
    return keyOf(validatorId);
  }

  #policy(registerId: string): Policy {
    const policy = this.options.policyOf(registerId);
    if (policy !== null) return policy;
    throw new PeerError("not-found", "unknown-register", {
      message: `This node holds no register ${registerId}`,
    });
  }
}

function conflict(code: string, message: string): PeerError {
  return new PeerError("conflict", code, { message });
}
