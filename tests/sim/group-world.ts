/**
 * Validators whose group seals, on top of `sealing-world.ts`: beside its council each runs the
 * production coordinator of group keys, over the same net. Some seats belong to liars.
 */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { base64urlOf } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/error.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { policyPayload } from "../../src/dockets/policy.ts";
import type { Policy } from "../../src/dockets/types.ts";
import { identityOf } from "../../src/peers/identity.ts";
import type { BuiltTransaction } from "../../src/sealing/batch.ts";
import { groupMode } from "../../src/sealing/group-mode.ts";
import { Coordinator } from "../../src/sealing/threshold/coordinator.ts";
import type { GroupEpoch } from "../../src/sealing/threshold/group-epoch.ts";
import type { MessageType } from "../../src/wire/distribution-messages.ts";
import { messageType } from "../../src/wire/distribution-messages.ts";
import { type SealingMessage, sealingKind } from "../../src/wire/sealing-messages.ts";
import { bentShare, rewritten } from "./key-lies.ts";
import { MemoryKeyStore, type Posted, seededBytes } from "./key-net.ts";
import { makeWorld, quiet, registerId, seedOf, Validator, type World } from "./sealing-world.ts";

/** One node of the group: its council, its share, and what its operator agreed to. */
export class GroupNode {
  readonly store = new MemoryKeyStore();
  coordinator: Coordinator | null = null;
  #change: BuiltTransaction | null = null;

  constructor(
    readonly group: GroupWorld,
    readonly validator: Validator,
    private readonly at: number,
  ) {
    const votes = validator.modeOf;
    validator.modeOf = (policy) =>
      policy.groupPublicKey === undefined ? votes(policy) : groupMode(() => this.#share());
  }

  get id(): string {
    return this.validator.id;
  }

  get isUp(): boolean {
    return this.validator.council !== null;
  }

  get policy(): Policy {
    return this.validator.anchor?.policy ?? this.group.world.policy;
  }

  async open(): Promise<void> {
    this.coordinator = this.#newCoordinator();
    await this.coordinator.open();
  }

  async crash(): Promise<void> {
    this.coordinator?.close();
    this.coordinator = null;
    await this.validator.crash();
  }

  async restart(): Promise<void> {
    this.validator.start();
    await this.open();
  }

  /** What production does by timers: asks others for dockets, brings the wanted policy again. */
  remind(): void {
    if (!this.isUp) return;
    this.validator.catchUp();
    if (this.#change !== null) this.validator.council?.add(this.#change);
  }

  #share() {
    return this.coordinator?.groupOf(registerId) ?? null;
  }

  agreeTo(policy: Policy): void {
    const { signer } = this.validator.own;
    const createdAtMs = this.group.world.clock.nowMs();
    const payloadJson = policyPayload(policy);
    this.validator.approved = policy;
    this.#change = buildTransaction({ registerId, payloadJson, createdAtMs, signer });
    this.remind();
  }

  #newCoordinator(): Coordinator {
    const { world } = this.group;
    const { publicKey, sign } = identityOf(this.id, seedOf(this.at));
    const me = { validatorId: this.id, publicKey, sign };
    const salt = `${world.dice()}:${this.id}`;
    return new Coordinator({
      me,
      clock: world.clock,
      dice: world.dice,
      log: quiet as never,
      random: seededBytes(salt),
      store: this.store,
      isWilling: () => true,
      policyOf: (id) => (id === registerId ? this.policy : null),
      keyOf: (peerId) => this.group.keyOf(peerId),
      changePolicy: async (_, policy) => this.agreeTo(policy),
      send: async (to, letter) => {
        const posted = { from: this.id, to, ...letter };
        for (const one of this.validator.isLiar ? this.group.keyLie(posted, me) : [posted]) {
          await this.group.bring(one);
        }
      },
    });
  }
}

export class GroupWorld {
  readonly world: World;
  readonly nodes: GroupNode[];
  /** How liars behave while a key is made. */
  keyLie: (
    posted: Posted,
    me: { validatorId: string; publicKey: Uint8Array; sign: (bytes: Uint8Array) => Uint8Array },
  ) => Posted[];

  constructor(options: {
    dice: () => number;
    count: number;
    spares: number;
    threshold: number;
    liars: number;
  }) {
    this.world = makeWorld(options);
    this.nodes = this.world.nodes.map((validator, at) => new GroupNode(this, validator, at));
    const { dice } = options;
    const wayOfLying = Math.floor(dice() * 4);
    this.keyLie = (posted, speaker) => {
      if (wayOfLying === 0) return [];
      if (wayOfLying === 1 && posted.type === messageType.blsKeyShareDistribution) {
        return [bentShare(posted)];
      }
      if (wayOfLying > 2) return [posted];
      return [
        rewritten({ speaker }, posted, "response", (message) => {
          message.response = { complaints: this.nodes.map((one) => one.id) };
        }),
      ];
    };
    for (const { validator } of this.nodes) if (validator.isLiar) this.#makeLiar(validator);
  }

  /** Each node's share of a key that was made before this world. */
  async open(epochs: readonly GroupEpoch[]): Promise<void> {
    for (const [at, node] of this.nodes.entries()) {
      const epoch = epochs[at];
      if (epoch !== undefined) await node.store.save(epoch);
      await node.open();
    }
    void this.#remind();
  }

  keyOf(peerId: string): Uint8Array | null {
    const at = this.nodes.findIndex((one) => one.id === peerId);
    return at < 0 ? null : identityOf(peerId, seedOf(at)).publicKey;
  }

  canReach(from: string, to: string): boolean {
    const { groupOf, dice, faults } = this.world;
    const target = this.nodes.find((one) => one.id === to);
    return target?.isUp === true && groupOf(from) === groupOf(to) && dice() >= 0.06 * faults;
  }

  async bring(posted: { from: string; to: string; type: MessageType; payload: Uint8Array }) {
    const { clock, dice } = this.world;
    await clock.sleep(1 + dice() * 15);
    const target = this.nodes.find((one) => one.id === posted.to);
    if (!this.canReach(posted.from, posted.to) || target?.coordinator == null) {
      throw new PeerError("network", "unreachable", { message: "Nobody is there" });
    }
    await target.coordinator.take(posted.type, posted.payload);
  }

  async #remind(): Promise<void> {
    for (;;) {
      await this.world.clock.sleep(300);
      for (const node of this.nodes) node.remind();
    }
  }

  /** The validators other than this one, parted at random in two halves. */
  #halves(liar: Validator): Map<string, number> {
    const { validators } = liar.anchor?.policy ?? this.world.policy;
    const others = validators.map((one) => one.validatorId).filter((id) => id !== liar.id);
    const placed = others.map((id) => ({ id, place: this.world.dice() }));
    placed.sort((left, right) => left.place - right.place);
    return new Map(placed.map(({ id }, at) => [id, at % 2]));
  }

  /**
   * A liar runs twice with one key, each copy true to itself and to its half of the others, who are
   * parted anew for each docket; and it gives false parts of signatures.
   */
  #makeLiar(liar: Validator): void {
    const { world } = this;
    const { dice } = world;
    const twin = new Validator(world, { ...liar.own });
    twin.modeOf = (policy) => liar.modeOf(policy);
    const halves: Map<string, number>[] = [];
    const halfOf = (to: string, number: number) => {
      halves[number] ??= this.#halves(liar);
      return halves[number]?.get(to);
    };
    for (const [half, copy] of [liar, twin].entries()) {
      copy.isSilentTo = (to) => halfOf(to, copy.anchor?.nextNumber ?? 0) !== half;
      copy.lie = (_to, message) => {
        if (message.kind !== sealingKind.signature || dice() < 0.5) return [message];
        return [{ ...message, signature: falsePart(message) }];
      };
    }
    for (const bundle of liar.dockets) twin.takeIn(bundle);
    twin.start();
    world.twins.push(twin);
  }
}

/** A point of the right group that is nobody's part. */
function falsePart({ docketNumber }: SealingMessage): string {
  return base64urlOf(bls12_381.G1.Point.BASE.multiply(BigInt(docketNumber + 2)).toBytes());
}
