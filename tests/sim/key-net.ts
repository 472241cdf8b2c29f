import { createHash } from "node:crypto";
import { base64urlOf } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/error.ts";
import { seededDice } from "../../src/base/prng.ts";
import type { Policy } from "../../src/dockets/types.ts";
import { type Identity, identityOf } from "../../src/peers/identity.ts";
import { Coordinator } from "../../src/sealing/threshold/coordinator.ts";
import type { GroupEpoch } from "../../src/sealing/threshold/group-epoch.ts";
import type { KeyStore } from "../../src/sealing/threshold/group-keys.ts";
import type { RandomBytes } from "../../src/sealing/threshold/polynomial.ts";
import type { Speaker } from "../../src/sealing/threshold/signed.ts";
import type { MessageType } from "../../src/wire/distribution-messages.ts";
import { SimClock } from "./sim-clock.ts";

export interface Posted {
  from: string;
  to: string;
  type: MessageType;
  payload: Uint8Array;
}

/** What becomes of a message: itself, others in its place, or none. Delays are added after. */
export type Meddle = (posted: Posted) => Posted[];

/** Many nodes of the production code that make keys, in one process, under one clock and seed. */
export class KeyNet {
  readonly clock = new SimClock();
  readonly dice: () => number;
  readonly nodes = new Map<string, KeyNode>();
  readonly posted: Posted[] = [];
  /** Refusals as they were thrown back at senders: `from → to: code`. */
  readonly refusals: string[] = [];
  policy: Policy;
  /** Longest way of a message. */
  delayMs = 20;

  constructor(readonly seed: number) {
    this.dice = seededDice(seed * 7919 + 1);
    this.policy = {
      version: 1,
      validators: [],
      threshold: 1,
      isPublic: true,
      name: "r",
      description: "",
    };
  }

  /** The first added is the register's single validator. */
  add(validatorId: string): KeyNode {
    const node = new KeyNode(this, validatorId);
    this.nodes.set(validatorId, node);
    if (this.policy.validators.length === 0) {
      const publicKey = base64urlOf(node.identity.publicKey);
      this.policy.validators = [{ validatorId, publicKey, algorithm: "ED25519" }];
    }
    return node;
  }

  addMany(count: number): KeyNode[] {
    return Array.from({ length: count }, (_, at) => this.add(`v${at + 1}`));
  }

  async deliver(posted: Posted): Promise<void> {
    this.posted.push(posted);
    const sender = this.nodes.get(posted.from);
    for (const one of sender?.meddle(posted) ?? []) {
      await this.clock.sleep(1 + this.dice() * this.delayMs);
      const target = this.nodes.get(one.to);
      if (target === undefined || !target.isUp) {
        throw new PeerError("network", "unreachable", { message: "Nobody is there" });
      }
      try {
        await target.coordinator.take(one.type, one.payload);
      } catch (error) {
        const code = error instanceof PeerError ? error.code : String(error);
        this.refusals.push(`${one.from} → ${one.to}: ${code}`);
        throw error;
      }
    }
  }

  /** Lets the session end that this node proposed, or at most `ms` pass. */
  async passSession(node: KeyNode, ms = 200_000): Promise<void> {
    await this.clock.pass(ms, () => {
      const state = node.session()?.state;
      return state !== undefined && state !== "running" && state !== "sealing";
    });
    // And what is still on its way.
    await this.clock.pass(1_000);
  }

  close(): void {
    for (const node of this.nodes.values()) node.coordinator.close();
  }
}

export class KeyNode {
  readonly identity: Identity;
  readonly store = new MemoryKeyStore();
  coordinator: Coordinator;
  isUp = true;
  meddle: Meddle = (posted) => [posted];

  constructor(
    readonly net: KeyNet,
    readonly validatorId: string,
  ) {
    const seed = createHash("sha256").update(`${net.seed}:${validatorId}`).digest();
    this.identity = identityOf(validatorId, seed);
    this.coordinator = this.#newCoordinator();
  }

  get speaker(): Speaker {
    const { identity, validatorId } = this;
    return { validatorId, publicKey: identity.publicKey, sign: identity.sign };
  }

  session() {
    return this.coordinator.status("r").session;
  }

  latest(): GroupEpoch | null {
    return this.store.epochs.at(-1) ?? null;
  }

  /** Its process dies; what is in its store stays. */
  crash(): void {
    this.isUp = false;
    this.coordinator.close();
  }

  async restart(): Promise<void> {
    this.coordinator = this.#newCoordinator();
    await this.coordinator.open();
    this.isUp = true;
  }

  #newCoordinator(): Coordinator {
    const { net, validatorId } = this;
    return new Coordinator({
      isWilling: () => true,
      me: this.speaker,
      clock: net.clock,
      dice: net.dice,
      random: seededBytes(`${net.seed}:${validatorId}:${net.clock.nowMs()}`),
      log: silent,
      store: this.store,
      policyOf: (registerId) => (registerId === "r" ? net.policy : null),
      keyOf: (peerId) => net.nodes.get(peerId)?.identity.publicKey ?? null,
      changePolicy: async (_, policy) => {
        net.policy = policy;
      },
      send: (to, letter) => net.deliver({ from: validatorId, to, ...letter }),
    });
  }
}

export class MemoryKeyStore implements KeyStore {
  epochs: GroupEpoch[] = [];

  list = async () => [...this.epochs];
  save = async (epoch: GroupEpoch) => {
    this.epochs = [...this.epochs.filter((one) => one.session !== epoch.session), epoch];
  };
  remove = async ({ session }: GroupEpoch) => {
    this.epochs = this.epochs.filter((one) => one.session !== session);
  };
}

/** The same secrets for the same seed: for simulations only. */
export function seededBytes(seed: string): RandomBytes {
  let at = 0;
  return (count) => {
    const parts: Uint8Array[] = [];
    for (let length = 0; length < count; length += 32) {
      parts.push(createHash("sha256").update(`${seed}/${at}`).digest());
      at += 1;
    }
    return new Uint8Array(Buffer.concat(parts).subarray(0, count));
  };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;
