import { present } from "../base/assert.ts";
import { encodeBundle, readBundle } from "../dockets/bundle.ts";
import { docketBytes } from "../dockets/envelope.ts";
import { type SealingMessage, sealingKind } from "../wire/sealing-messages.ts";
import type { CouncilOptions } from "./council-options.ts";
import { docketIn, type Proposal } from "./proposal.ts";
import type { Step } from "./round-step.ts";
import { emptyMessage } from "./statements.ts";
import type { SealMode } from "./votes.ts";

/** What goes round after the decision: signatures, and the docket with its seal. */
export class SealedDockets {
  readonly #shownMs = new Map<string, number>();

  constructor(private readonly options: CouncilOptions) {}

  messageOf(docketNumber: number, docket: Proposal): SealingMessage {
    const { registerId, nodeId: validatorId } = this.options;
    const { hash: docketHash, bundle } = docket;
    const kind = sealingKind.sealed;
    return { ...emptyMessage, kind, registerId, docketNumber, validatorId, docketHash, bundle };
  }

  signatureOf(docketNumber: number, part: { hash: string; signature: string }): SealingMessage {
    const { registerId, nodeId: validatorId } = this.options;
    const { hash: docketHash, signature } = part;
    const kind = sealingKind.signature;
    return { ...emptyMessage, kind, registerId, docketNumber, validatorId, docketHash, signature };
  }

  /** The docket that was decided on, with its seal; null where parts were false: whose they are. */
  async assemble(
    decided: NonNullable<Step["sealed"]>,
    mode: SealMode,
  ): Promise<{ bundle: Uint8Array | null; faulty: readonly string[] }> {
    const read = readBundle(decided.bundle);
    const docket = docketIn(decided.bundle);
    if (docket === null || read === null) return { bundle: null, faulty: [] };
    const proposed = { ...docket, proposerValidatorId: this.options.nodeId };
    const { docket: sealed, faulty } = await mode.assemble(proposed, decided.signatures);
    this.blame(faulty);
    if (sealed === null) return { bundle: null, faulty };
    const { transactionData } = read;
    return { bundle: encodeBundle({ docketData: docketBytes(sealed), transactionData }), faulty };
  }

  /** These validators sent parts of a seal that are none. */
  blame(validatorIds: readonly string[]): void {
    const { registerId, log } = this.options;
    for (const validatorId of validatorIds) {
      log.warn({ registerId, validatorId }, "A validator's part of a seal is false");
      this.options.blame(validatorId);
    }
  }

  /** The validator still speaks of a number that is sealed. Answered now and then. */
  async show(message: SealingMessage, from: string): Promise<void> {
    const { docketNumber, kind, validatorId } = message;
    const nowMs = this.options.clock.monotonicMs();
    const shownMs = this.#shownMs.get(validatorId) ?? Number.NEGATIVE_INFINITY;
    if (kind === sealingKind.sealed || nowMs - shownMs < showAgainMs) return;
    this.#shownMs.set(validatorId, nowMs);
    const bundle = await this.options.readSealed(docketNumber);
    const hash = bundle === null ? undefined : docketIn(bundle)?.docketHash;
    if (bundle === null || hash === undefined) return;
    this.options.send(from, this.messageOf(docketNumber, { hash, bundle }));
  }
}

/** The docket alone. */
export function withoutBodies(bundle: Uint8Array): Uint8Array {
  const { docketData } = present(readBundle(bundle), "a bundle of ours");
  return encodeBundle({ docketData, transactionData: [] });
}

/** A bundle that is whole, or a docket with the bodies of what was seen of it; null: neither. */
export function withBodiesOf(bundle: Uint8Array, seen: Uint8Array | null): Uint8Array | null {
  const read = readBundle(bundle);
  if (read === null || read.transactionData.length > 0) return read === null ? null : bundle;
  const bodies = seen === null ? null : readBundle(seen);
  if (bodies === null) return null;
  return encodeBundle({ docketData: read.docketData, transactionData: bodies.transactionData });
}

const showAgainMs = 300;
