/**
 * Validators that seal a register together, in one process on simulated time: the production
 * council, its messages through the codec, over a net that loses, reorders, repeats and splits;
 * stores that survive crashes. Liars hold a real key and do with it what they like.
 */
import { createHash } from "node:crypto";
import { owned } from "../../src/base/bytes.ts";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import { buildGenesis, buildPayload, buildTransaction } from "../../src/dockets/envelope.ts";
import { anchorAfter, joinPage } from "../../src/dockets/join.ts";
import { type Signer, signerOfSeed } from "../../src/dockets/keys.ts";
import { controlOf, policyText } from "../../src/dockets/policy.ts";
import { signText } from "../../src/dockets/signature.ts";
import type { Anchor, CheckedPage, Head, Outcome, Policy } from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import type { BuiltTransaction } from "../../src/sealing/batch.ts";
import { Council } from "../../src/sealing/council.ts";
import { docketIn, draftProposal, findFault } from "../../src/sealing/proposal.ts";
import type { Facts } from "../../src/sealing/round-step.ts";
import { say, seatOf } from "../../src/sealing/statements.ts";
import { votesMode } from "../../src/sealing/votes.ts";
import {
  type SealingMessage,
  sealingKind,
  sealingMessageCodec,
} from "../../src/wire/sealing-messages.ts";
import { SimClock } from "../support/sim-clock.ts";

export const registerId = "simulated";
const startMs = Date.UTC(2026, 0, 1);
export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface World {
  clock: SimClock;
  dice: () => number;
  policy: Policy;
  nodes: Validator[];
  /** 0 to 1; the net's faults end when it is set to 0. */
  faults: number;
  /** Nodes in different groups don't hear each other. */
  groupOf: (nodeId: string) => number;
  /** Second copies of liars, with the same key: what one says, the other knows nothing of. */
  twins: Validator[];
  /** What must not happen, and did. */
  wrongs: string[];
  verify: typeof verifyPage;
}

export function makeWorld(options: {
  dice: () => number;
  count: number;
  threshold: number;
  liars?: number;
  /** Nodes that hold the register and have no seat in the first policy. */
  spares?: number;
}): World {
  const { dice, count, threshold, liars = 0, spares = 0 } = options;
  const signers = Array.from({ length: count + spares }, (_, index) => signerOfSeed(seedOf(index)));
  const policy: Policy = {
    version: 1,
    validators: signers.slice(0, count).map(({ publicKey, algorithm }, index) => ({
      validatorId: `v${index}`,
      publicKey,
      algorithm,
    })),
    threshold,
    isPublic: true,
    name: "simulated",
    description: "",
  };
  const world: World = {
    clock: new SimClock(),
    dice,
    policy,
    nodes: [],
    faults: 1,
    groupOf: () => 0,
    twins: [],
    wrongs: [],
    verify: verifyOnce(),
  };
  const genesis = genesisOf(policy, signers.slice(0, count));
  world.nodes = signers.map(
    (signer, index) => new Validator(world, { id: `v${index}`, signer, isLiar: index < liars }),
  );
  for (const node of world.nodes) node.start(genesis);
  return world;
}

/** Many look at the same bytes: what is found out about them is found out once. */
function verifyOnce(): typeof verifyPage {
  const known = new Map<string, Outcome<CheckedPage>>();
  return (request) => {
    const { bytes, nextNumber, policy, acceptUnsealed } = request;
    const hash = createHash("sha256").update(bytes).digest("hex");
    const key = JSON.stringify([hash, nextNumber, policy, acceptUnsealed]);
    const checked = known.get(key) ?? verifyPage(request);
    known.set(key, checked);
    return checked;
  };
}

/** Of the key of validator `index`. */
export function seedOf(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1);
}

function genesisOf(policy: Policy, signers: readonly Signer[]): Uint8Array {
  const others = signers.slice(1);
  const votes = (text: string) =>
    others.map((signer, index) => ({
      validatorId: `v${index + 1}`,
      validatorSignature: signText(signer, text),
    }));
  const signer = signers[0] as Signer;
  return encodeBundle(buildGenesis({ registerId, policy, createdAtMs: startMs, signer, votes }));
}

export function transactionOf(index: number): BuiltTransaction {
  const payloadJson = buildPayload({
    type: "Action",
    sender: "somebody",
    recipients: [],
    previousTransactionId: null,
    nonce: String(index),
    dataText: `{"n":${index}}`,
  });
  const signer = signerOfSeed(new Uint8Array(32).fill(99));
  return buildTransaction({ registerId, payloadJson, createdAtMs: startMs, signer });
}

/** One validator: its store outlives its council. */
export class Validator {
  readonly id: string;
  readonly isLiar: boolean;
  /** Sealed dockets by number. */
  readonly dockets: Uint8Array[] = [];
  readonly hashes: string[] = [];
  readonly sealedIds = new Set<string>();
  readonly #facts = new Map<number, Facts>();
  readonly signedHashes = new Map<number, string>();
  readonly #said = new Map<string, string>();
  /** Called once something is durable, before anything is said of it. */
  afterWrite: () => void = () => {};
  readonly blamed = new Set<string>();
  anchor: Anchor | null = null;
  council: Council | null = null;
  /** The policy that its operator wants. */
  approved: Policy | null = null;
  /** How it signs: a world with groups puts another in its place. */
  modeOf = (policy: Policy) => votesMode(policy, this.own.signer);

  constructor(
    readonly world: World,
    readonly own: { id: string; signer: Signer; isLiar: boolean },
  ) {
    this.id = own.id;
    this.isLiar = own.isLiar;
  }

  start(genesis?: Uint8Array): void {
    if (genesis !== undefined) this.takeIn(genesis);
    const { world, own } = this;
    const { signer } = own;
    const { clock, dice } = world;
    const approved = () => (this.approved === null ? null : policyText(this.approved));
    this.council = new Council({
      registerId,
      nodeId: this.id,
      signer,
      sealCount: 5,
      sealMs: 50,
      roundMs: 400,
      clock,
      dice,
      log: quiet,
      memory: {
        readFacts: async (number) => this.#facts.get(number) ?? null,
        saveFacts: async (number, facts) => {
          this.#facts.set(number, structuredClone(facts));
          this.afterWrite();
        },
        forgetFacts: async () => {},
        takeNumber: async (number, hash) => {
          if (own.isLiar) return true;
          if (!this.signedHashes.has(number)) this.signedHashes.set(number, hash);
          this.afterWrite();
          return this.signedHashes.get(number) === hash;
        },
      },
      anchor: () => this.anchor,
      send: (peerId, message) => this.#send(peerId, message),
      findFault: (proposal, anchor) =>
        findFault(proposal, {
          anchor,
          nowMs: clock.nowMs() + 60_000,
          whichExist: async (ids) => this.#which(ids),
          approved: async () => approved(),
          verify: async (request) => world.verify(request),
        }),
      takeIn: async (bytes) => this.#takeInPage(bytes),
      catchUp: () => this.catchUp(),
      blame: (validatorId) => void this.blamed.add(validatorId),
      readSealed: async (number) => this.dockets[number] ?? null,
      whichExist: async (ids) => this.#which(ids),
      isApproved: async ({ transaction }) => {
        const control = controlOf(transaction.payloadJson);
        return control.kind !== "policy" || policyText(control.policy) === approved();
      },
      modeOf: (policy) => this.modeOf(policy),
      isInvited: () => false,
    });
  }

  async crash(): Promise<void> {
    const stopping = this.council?.stop();
    this.council = null;
    await stopping;
  }

  #which(ids: readonly string[]): Set<string> {
    return new Set(ids.filter((id) => this.sealedIds.has(id)));
  }

  /** Replication, in short: from anybody who has more, through the same verification. */
  catchUp(): void {
    const { clock, dice, nodes, groupOf } = this.world;
    void clock.sleep(5 + dice() * 40).then(() => {
      const source = nodes.find(
        (one) => one.dockets.length > this.dockets.length && groupOf(one.id) === groupOf(this.id),
      );
      for (const bundle of source?.dockets.slice(this.dockets.length) ?? []) this.takeIn(bundle);
    });
  }

  takeIn(bundle: Uint8Array): void {
    this.#takeInPage(encodePage({ bundles: [bundle], headNumber: 0, firstVersion: 0 }));
  }

  #takeInPage(bytes: Uint8Array): Outcome<Head> {
    const anchor = this.anchor ?? {
      registerId,
      nextNumber: 0,
      previousHash: "",
      previousTimeMs: 0,
      policy: null,
    };
    const checked = this.world.verify({
      registerId,
      bytes: owned(bytes),
      nextNumber: anchor.nextNumber,
      policy: anchor.policy,
      nowMs: this.world.clock.nowMs() + 60_000,
      verifyTransactions: "all",
      acceptUnsealed: false,
    });
    if (!checked.ok) return checked;
    const joined = joinPage(anchor, checked.value);
    if (!joined.ok) return joined;
    const [first] = checked.value.dockets;
    if (first === undefined) throw new Error("A page has a docket");
    const bundle = checked.value.bytes.slice(first.offset, first.offset + first.length);
    const ids = docketIn(bundle)?.transactions.map((leaf) => leaf.transactionId) ?? [];
    for (const id of ids) {
      if (this.sealedIds.has(id)) this.world.wrongs.push(`${id} is sealed twice at ${this.id}`);
      this.sealedIds.add(id);
    }
    this.dockets.push(bundle);
    this.hashes.push(first.hash);
    this.anchor = anchorAfter(checked.value);
    this.council?.stored(ids);
    return { ok: true, value: { registerId, number: first.number, hash: first.hash } };
  }

  #send(to: string, message: SealingMessage): void {
    if (this.isSilentTo(to)) return;
    if (!this.isLiar) this.#note(message);
    for (const told of this.isLiar ? this.lie(to, message) : [message]) {
      const bytes = sealingMessageCodec.encode(told);
      const { dice, faults } = this.world;
      if (dice() < 0.06 * faults) continue;
      const copies = dice() < 0.06 * faults ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) this.#deliver(to, bytes);
    }
  }

  #deliver(to: string, bytes: Uint8Array): void {
    const { clock, dice, faults, nodes, twins, groupOf } = this.world;
    const delayMs = 1 + dice() * 15 + (dice() < 0.05 * faults ? dice() * 900 : 0);
    if (groupOf(this.id) !== groupOf(to)) return;
    void clock.sleep(delayMs).then(() => {
      if (groupOf(this.id) !== groupOf(to)) return;
      for (const node of [...nodes, ...twins]) {
        if (node.id === to) node.council?.receive(sealingMessageCodec.decode(bytes), this.id);
      }
    });
  }

  /** What it has said by now in each round; a validator that is honest says one thing. */
  #note({ kind, docketNumber, round, docketHash }: SealingMessage): void {
    const what = [docketNumber, kind, kind === sealingKind.signature ? 0 : round].join();
    const before = this.#said.get(what);
    this.#said.set(what, docketHash);
    if (before === undefined || before === docketHash) return;
    this.world.wrongs.push(`${this.id} said two things of ${what}: ${before}, ${docketHash}`);
  }

  /** To whom it says nothing. */
  isSilentTo = (_to: string): boolean => false;

  /** Two dockets for one round, votes for everything, junk, silence. */
  lie(to: string, message: SealingMessage): SealingMessage[] {
    const { dice } = this.world;
    const { anchor } = this;
    if (anchor === null || dice() < 0.15) return [];
    const policy = anchor.policy ?? this.world.policy;
    const number = anchor.nextNumber;
    const seat = seatOf({ registerId, number, policy }, { nodeId: this.id, ...this.own });
    const said: SealingMessage[] = [message];
    if (message.kind === sealingKind.propose && Number(to.slice(1)) % 2 === 0) {
      const other = draftProposal([transactionOf(1_000_000 + Math.floor(dice() * 1_000))], {
        anchor,
        validatorId: this.id,
        nowMs: this.world.clock.nowMs(),
      });
      const { hash: docketHash, bundle } = other;
      const { round, proof, lock } = message;
      said[0] = say(seat, { kind: "propose", round, docketHash }, { bundle, proof, lock });
    }
    // Says yes to all that it has heard of, at once.
    const { round } = message;
    for (const docketHash of this.world.nodes.map((one) => one.hashes.at(-1) ?? "")) {
      if (dice() < 0.1) said.push(say(seat, { kind: "accept", round, docketHash }));
      if (dice() < 0.1) said.push(say(seat, { kind: "commit", round, docketHash }));
    }
    if (dice() < 0.1) said.push({ ...message, round: Math.floor(dice() * 9), signature: "AAAA" });
    if (dice() < 0.05) {
      const jump = { kind: "promise" as const, round: round + 40, docketHash: "", locked: 0 };
      said.push(say(seat, jump));
    }
    if (dice() < 0.05) {
      // A lock that nobody gave it.
      const docketHash = "f".repeat(64);
      const lie = { kind: "promise" as const, round: round + 1, docketHash, locked: round + 1 };
      said.push(say(seat, lie, { lock: { round, docketHash, accepts: [] } }));
    }
    return said;
  }
}
