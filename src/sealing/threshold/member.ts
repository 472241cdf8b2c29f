/**
 * One validator's part in the making of a group's key, or in its handing on to other validators.
 * Messages come in, messages go out, time is a call of `expire`; one call ends before the next one.
 * Nothing is stored here, so a session that ends early leaves whatever was before.
 *
 * How it goes (as in drand, with one who collects): propose → accept → deal → respond → justify →
 * confirm. Who proposes shows everybody what all have said in each phase (`board.ts`), and each
 * message names the hash of all that its sender has been shown. What is assumed:
 *  - Fewer than `threshold` of those who take part lie; as many as n − threshold may lie or be
 *   silent. Who proposes may be among the liars: it can leave out messages and thereby end the
 *   session, but it can't forge any, and what it shows to one and not to another ends it too.
 *  - All who are honest come to the same dealers, because each derives them from the transcript
 *   alone (`verdict.ts`), and the session counts only with `threshold` equal confirmations, each of
 *   a member that holds its share. Of two such sets, one member would have confirmed both.
 *  - Dealers that speak last can bend a few bits of the group's key (Gennaro et al., 1999); that
 *   helps nobody to sign with it. The secret stays unknown to fewer than `threshold`, for at least
 *   one dealer that counts is honest.
 */
import { present } from "../../base/assert.ts";
import { isEqual } from "../../base/bytes.ts";
import { limits } from "../../runtime/limits.ts";
import type { BlsKeyShareDistribution } from "../../wire/key-generation-messages.ts";
import { checkSaid, type PhaseName, readBoard, type Shown, speakersOf } from "./board.ts";
import { type Commitments, isShareTrue, type Pause } from "./commitments.ts";
import { confirmationHash, type GroupEpoch, groupEpochOf, type Step } from "./group-epoch.ts";
import type { RandomBytes } from "./polynomial.ts";
import type { Participant, Proposal } from "./proposal.ts";
import { ShareDesk } from "./share-desk.ts";
import { type Body, type Outgoing, refusal, type Said, type Speaker, say } from "./signed.ts";
import {
  complainersOf,
  type Deals,
  type Fault,
  isOwnSecret,
  judge,
  readDeals,
  type Verdict,
} from "./verdict.ts";

/**
 * accepted  → dealt      everybody who takes part is known: our shares and commitments are out
 * dealt     → checking   what all have committed to is known, shares are still on their way
 * checking  → responded  all shares are here, or their time is over
 * dealt     → responded  likewise, at once
 * responded → justified  complaints are known; of ours, we have shown the shares
 * justified → confirmed  the dealers that count are known, our share is whole
 * confirmed → finished   as many as the threshold confirmed the same
 * any       → aborted    who proposed gave up or is silent, or we can't confirm
 */
export type MemberState =
  | "accepted"
  | "dealt"
  | "checking"
  | "responded"
  | "justified"
  | "confirmed"
  | "finished"
  | "aborted";

export interface MemberOptions {
  proposal: Proposal;
  me: Speaker;
  random: RandomBytes;
  /** Of the key that is handed on, where this validator holds one. */
  ownShare: bigint | null;
  pause: Pause;
}

const nothing: Step = { send: [] };

export class Member {
  #state: MemberState = "accepted";
  #failure: { code: string; message: string } | null = null;
  #hash: Uint8Array;
  #roster: ReadonlySet<string> = new Set();
  #deals: Deals = new Map();
  /** Those of them whose shares are to be had. */
  #usable: [Participant, Commitments][] = [];
  #responses: Shown | null = null;
  /** Of the new group, once it is confirmed; known also to one who only deals. */
  commitments: Commitments | null = null;
  #result: GroupEpoch | null = null;
  /** Dealers that do not count, and why; known once confirmed. */
  faults: readonly Fault[] = [];
  readonly #desk: ShareDesk;
  /** Our place among those who shall hold shares; null for one who only deals. */
  readonly #index: number | null;

  constructor(private readonly options: MemberOptions) {
    const { proposal, me, random } = options;
    const own = proposal.members.find((one) => one.validatorId === me.validatorId);
    this.#index = own?.index ?? null;
    this.#hash = proposal.hash;
    this.#desk = new ShareDesk({ proposal, ownId: me.validatorId, index: this.#index, random });
  }

  get state(): MemberState {
    return this.#state;
  }

  get failure(): { code: string; message: string } | null {
    return this.#failure;
  }

  get result(): GroupEpoch | null {
    return this.#result;
  }

  get isOver(): boolean {
    return this.#state === "finished" || this.#state === "aborted";
  }

  /** Until `expire` is called. */
  get waitMs(): number {
    return this.#state === "checking" ? limits.keyShareMs : limits.keySessionMs;
  }

  begin(): Step {
    return this.#tell({ accept: { encryptionKey: this.#desk.encryptionKey } });
  }

  /** Throws a `PeerError` for a message that has no place here; nothing has changed then. */
  async take(said: Said): Promise<Step> {
    const { proposal } = this.options;
    const { leader: speaker } = proposal;
    if (said.message.body === "abort") {
      // It may come at any point, so it goes on from nothing but the proposal.
      checkSaid(said, { proposal, previous: proposal.hash, speaker, body: "abort" });
      const { code = "aborted", message = "Given up" } = said.message.abort ?? {};
      return this.isOver ? nothing : this.#abort(code.slice(0, 64), message.slice(0, 256));
    }
    checkSaid(said, { proposal, previous: this.#hash, speaker, body: "board" });
    switch (this.#state) {
      case "accepted":
        return this.#deal(this.#shown(said, "roster"));
      case "dealt":
        return this.#check(this.#shown(said, "deals"));
      case "responded":
        return this.#justify(this.#shown(said, "responses"));
      case "justified":
        return this.#confirm(this.#shown(said, "justifications"));
      case "confirmed":
        return this.#finish(this.#shown(said, "certificate"));
      default:
        throw refusal("out-of-order", `Nothing is expected in the state ${this.#state}`);
    }
  }

  /** A share that a dealer sent here; it is checked once its commitments are known. */
  async takeShare(share: BlsKeyShareDistribution): Promise<Step> {
    if (!["accepted", "dealt", "checking"].includes(this.#state)) {
      throw refusal("out-of-order", "Shares are no longer waited for");
    }
    this.#desk.take(share);
    return this.#state === "checking" && this.#isNoneAwaited() ? this.#respond() : nothing;
  }

  async expire(): Promise<Step> {
    if (this.isOver) return nothing;
    if (this.#state === "checking") return this.#respond();
    return this.#abort("silent-proposer", "Who proposed this is silent");
  }

  async #deal(shown: Shown): Promise<Step> {
    const { proposal, me, ownShare, pause } = this.options;
    const keys = [...shown.said].map(([id, { message }]) => {
      return [id, message.accept?.encryptionKey ?? new Uint8Array(32)] as const;
    });
    this.#roster = new Set(shown.said.keys());
    this.#hash = shown.hash;
    this.#state = "dealt";
    if (!this.#roster.has(me.validatorId)) return this.#abort("left-out", "We were left out");
    this.#desk.meet(new Map(keys), shown.hash);
    if (!proposal.dealers.some((one) => one.validatorId === me.validatorId)) return nothing;
    // Who holds no share of the old key says so, that nobody waits.
    const isWithout = proposal.previous !== null && ownShare === null;
    if (isWithout) return this.#tell({ deal: { commitments: [] } });
    const secret = proposal.previous === null ? null : ownShare;
    const recipients = proposal.members.filter((one) => this.#roster.has(one.validatorId));
    const { commitments, shares } = await this.#desk.deal(recipients, { secret, pause });
    const boxes = shares.map((share): Outgoing => {
      return { to: share.recipientValidatorId, kind: "share", share };
    });
    return { send: [...boxes, ...this.#tell({ deal: { commitments } }).send] };
  }

  async #check(shown: Shown): Promise<Step> {
    const { proposal, pause } = this.options;
    this.#deals = await readDeals(proposal, { shown, roster: this.#roster, pause });
    for (const dealer of proposal.dealers) {
      const deal = this.#deals.get(dealer.validatorId);
      if (!deal || !isOwnSecret(proposal, { dealer, commitments: deal })) continue;
      this.#usable.push([dealer, deal]);
      await pause();
    }
    this.#hash = shown.hash;
    this.#state = "checking";
    return this.#isNoneAwaited() ? this.#respond() : nothing;
  }

  async #respond(): Promise<Step> {
    this.#state = "responded";
    if (this.#index === null) return nothing;
    const complaints: string[] = [];
    for (const [{ validatorId }, deal] of this.#usable) {
      if (this.#desk.trueShare(validatorId, deal) === null) complaints.push(validatorId);
      await this.options.pause();
    }
    return this.#tell({ response: { complaints } });
  }

  #justify(shown: Shown): Step {
    const { proposal, me } = this.options;
    const dealerId = me.validatorId;
    const complainers = complainersOf(proposal, { dealerId, responses: shown });
    this.#responses = shown;
    this.#hash = shown.hash;
    this.#state = "justified";
    // As many shares as the threshold, shown to all, would be our secret shown to all.
    if (complainers.length === 0 || complainers.length >= proposal.threshold) return nothing;
    const openings = this.#desk.showTo(complainers);
    return openings === null ? nothing : this.#tell({ justification: { openings } });
  }

  async #confirm(justifications: Shown): Promise<Step> {
    const { proposal, pause } = this.options;
    const responses = present(this.#responses, "responses come before justifications");
    const deals = this.#deals;
    const verdict = await judge(proposal, { deals, responses, justifications, pause });
    this.faults = verdict.faults;
    this.#hash = justifications.hash;
    const { commitments } = verdict;
    if (commitments === null) {
      return this.#abort("too-few-dealers", "Too few dealt honestly for a key that holds");
    }
    this.commitments = commitments;
    this.#state = "confirmed";
    const index = this.#index;
    if (index === null) return nothing;
    const shareFrom = (dealer: Participant) => this.#shareFrom(dealer, verdict);
    const result = groupEpochOf(proposal, { verdict, commitments, index, shareFrom });
    if (result === null) return this.#abort("share-withheld", "A share was kept from us");
    this.#result = result;
    const resultHash = confirmationHash(this.#hash, commitments);
    return { save: result, ...this.#tell({ confirmation: { resultHash } }) };
  }

  #finish(shown: Shown): Step {
    const { threshold } = this.options.proposal;
    const commitments = present(this.commitments, "what was confirmed");
    const expected = confirmationHash(this.#hash, commitments);
    const holders = [...shown.said]
      .filter(([, { message }]) =>
        isEqual(expected, message.confirmation?.resultHash ?? new Uint8Array(0)),
      )
      .map(([validatorId]) => validatorId);
    if (holders.length < threshold) {
      throw refusal("too-few-confirmations", "Fewer confirmed this than its threshold");
    }
    this.#state = "finished";
    this.#desk.clear();
    if (this.#result === null) return nothing;
    this.#result = { ...this.#result, state: "certified", holders };
    return { send: [], save: this.#result };
  }

  #abort(code: string, message: string): Step {
    this.#failure = { code, message };
    this.#state = "aborted";
    this.#desk.clear();
    return nothing;
  }

  /** Ours, or the one that was shown to all because we, or somebody in our place, complained. */
  #shareFrom(dealer: Participant, verdict: Verdict): bigint | null {
    const { validatorId } = dealer;
    const deal = present(this.#deals.get(validatorId), "a qualified dealer's commitments");
    const own = this.#desk.trueShare(validatorId, deal);
    const share = verdict.openings.get(validatorId)?.get(this.options.me.validatorId);
    if (own !== null || share === undefined) return own;
    return isShareTrue(deal, { index: this.#index ?? 0, share }) ? share : null;
  }

  #isNoneAwaited(): boolean {
    return this.#desk.hasAll(this.#usable.map(([dealer]) => dealer));
  }

  #shown(said: Said, phase: PhaseName): Shown {
    const { proposal } = this.options;
    const speakers = speakersOf(proposal, { phase, roster: this.#roster });
    return readBoard(said.message, { proposal, phase, previous: this.#hash, speakers });
  }

  #tell(body: Body): Step {
    const { proposal, me } = this.options;
    const said = say(body, { proposal, me, previousHash: this.#hash });
    return { send: [{ to: proposal.leader.validatorId, kind: "said", said }] };
  }
}
