import { isEqual } from "../../base/bytes.ts";
import type { KeyGeneration, KeyGenerationBody } from "../../wire/key-generation-messages.ts";
import { falseSignature, type Participant, type Proposal } from "./proposal.ts";
import { contentOf, isTrulySaid, nextHash, nonceOf, refusal, type Said } from "./signed.ts";

/** What everybody sees of each phase, and what it is made of. */
export const phases = {
  roster: { number: 1, body: "accept" },
  deals: { number: 2, body: "deal" },
  responses: { number: 3, body: "response" },
  justifications: { number: 4, body: "justification" },
  certificate: { number: 5, body: "confirmation" },
} as const satisfies Record<string, { number: number; body: KeyGenerationBody }>;
export type PhaseName = keyof typeof phases;

/** Who speaks in a phase: of those who accepted, once it is known who did. */
export function speakersOf(
  proposal: Proposal,
  { phase, roster }: { phase: PhaseName; roster: ReadonlySet<string> },
): readonly Participant[] {
  if (phase === "roster") return proposal.participants;
  const isDealing = phase === "deals" || phase === "justifications";
  const all = isDealing ? proposal.dealers : proposal.members;
  return all.filter((one) => roster.has(one.validatorId));
}

/** A phase as it was shown: each said one thing or nothing; by validator id. */
export interface Shown {
  said: ReadonlyMap<string, Said>;
  /** The transcript up to and with it. */
  hash: Uint8Array;
}

/**
 * Reads a phase as the proposer shows it: truly signed by those who speak in it, on top of the same
 * transcript as ours, each once, in the order of the participants. Throws a `PeerError`.
 */
export function readBoard(
  message: KeyGeneration,
  about: {
    proposal: Proposal;
    phase: PhaseName;
    previous: Uint8Array;
    speakers: readonly Participant[];
  },
): Shown {
  const { proposal, previous, speakers } = about;
  const phase = phases[about.phase];
  if (message.board?.phase !== phase.number) {
    throw refusal("out-of-order", `Here the phase ${about.phase} comes next`);
  }
  if (!isEqual(message.previousHash, previous)) throw otherTranscript();
  const entries = message.board.entries;
  if (entries.length > speakers.length) throw notInOrder();
  const said = new Map<string, Said>();
  let place = -1;
  for (const entry of entries) {
    const one = contentOf(entry);
    const at = speakers.findIndex((each) => each.validatorId === one.message.senderValidatorId);
    if (at <= place) throw notInOrder();
    place = at;
    checkSaid(one, { proposal, previous, speaker: speakers[at] as Participant, body: phase.body });
    said.set(one.message.senderValidatorId, one);
  }
  return { said, hash: nextHash(previous, phase.number, [...said.values()]) };
}

/** That a message belongs to this session, at this point of it, and is its sender's. */
export function checkSaid(
  said: Said,
  about: {
    proposal: Proposal;
    previous: Uint8Array;
    speaker: Participant;
    body: KeyGenerationBody;
  },
): void {
  checkSession(said, about.proposal);
  if (said.message.body !== about.body) {
    throw refusal("out-of-order", `A message of the kind ${said.message.body} has no place here`);
  }
  if (!isEqual(said.message.previousHash, about.previous)) throw otherTranscript();
  if (!isTrulySaid(said, about.speaker.publicKey)) throw falseSignature(about.speaker.validatorId);
}

/** Register, epoch and nonce: what is replayed out of another session has another of them. */
export function checkSession({ message }: Said, proposal: Proposal): void {
  if (message.registerId !== proposal.registerId) {
    throw refusal("other-register", "The message is about another register");
  }
  if (message.epoch !== proposal.epoch) {
    throw refusal(
      message.epoch < proposal.epoch ? "old-epoch" : "other-epoch",
      `The message is of epoch ${message.epoch}, and this is epoch ${proposal.epoch}`,
    );
  }
  if (nonceOf(message) !== proposal.nonce) {
    throw refusal("other-session", "The message is of another session");
  }
}

function otherTranscript() {
  return refusal("other-transcript", "The message goes on from something else than was shown here");
}

function notInOrder() {
  return refusal("bad-board", "Each speaks once, in the order of the proposal");
}
