import { assert, present } from "../base/assert.ts";
import { bounds } from "./bounds.ts";
import { type ScannedBundle, type ScannedPage, scanPage } from "./bundle.ts";
import {
  type Candidate,
  checkCount,
  checkDocketHash,
  checkDuplicates,
  checkMerkle,
  checkPayloads,
  readCandidate,
  refuse,
} from "./checks.ts";
import { Columns } from "./columns.ts";
import { findFalseSeal, type GroupSeal } from "./group-seal.ts";
import { genesisTransactionId, transactionText } from "./hash.ts";
import { isUnsealed, unsealedPolicy } from "./policy.ts";
import { checkSeal, falseGroupSeal, hasNoSeal } from "./seal.ts";
import { isSignatureTrue } from "./signature.ts";
import type { CheckedPage, DocketFacts, Outcome, Policy, Refusal } from "./types.ts";

export interface VerifyRequest {
  registerId: string;
  /** A `DocketPage`. The checked page keeps these very bytes. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Number that the first docket must have; in a policy chain, the lowest it may have. */
  nextNumber: number;
  /** In force for the first docket; null exactly when `nextNumber` is 0. */
  policy: Policy | null;
  nowMs: number;
  verifyTransactions: "all" | "none";
  /** Take a register whose genesis bears no seal. One that is sealed must stay so either way. */
  acceptUnsealed: boolean;
  /** What the hash of docket 0 has to be. */
  genesisHash?: string;
  /** The page holds a register's control dockets only, so that there are gaps between them. */
  isPolicyChain?: boolean;
}

/**
 * Finds out whether a page of dockets is true: everything that can be told from the page itself and
 * the policy in force. Whether it fits on what is stored is `join.ts`'s question. No effects and no
 * clock: safe in a thread. Checks in the order of protocol §4; the first failure ends it.
 */
export function verifyPage(request: VerifyRequest): Outcome<CheckedPage> {
  assert((request.policy === null) === (request.nextNumber === 0), "a policy comes with docket 0");
  const scanned = scanPage(request.bytes);
  if (!scanned.ok) return scanned;
  if (scanned.value.bundles.length === 0) {
    const message = "The page holds no docket";
    return { ok: false, refusal: { code: "size", message, docketNumber: null } };
  }
  return new Run(request, scanned.value).verify();
}

/** One page on its way: what was found true so far. */
class Run {
  readonly #dockets: DocketFacts[] = [];
  readonly #columns: Columns;
  /** Checked together: no earlier docket may pass before a later one is refused. */
  readonly #groupSeals: GroupSeal[] = [];
  #policy: Policy | null;

  constructor(
    readonly request: VerifyRequest,
    readonly page: ScannedPage,
  ) {
    this.#policy = request.policy;
    this.#columns = new Columns(
      page.bundles.reduce((count, bundle) => count + bundle.transactionOffsets.length, 0),
    );
  }

  verify(): Outcome<CheckedPage> {
    const refusal = this.#checkEach();
    const falseSeal = this.#findFalseGroupSeal();
    if (falseSeal !== null) return { ok: false, refusal: falseSeal };
    if (refusal !== null) return { ok: false, refusal };
    const value: CheckedPage = {
      registerId: this.request.registerId,
      bytes: this.request.bytes,
      dockets: this.#dockets,
      transactions: this.#columns.facts,
      policyBefore: this.request.policy,
      policyAfter: present(this.#policy, "the policy of a verified docket"),
      headNumber: this.page.headNumber,
      firstVersion: this.page.firstVersion,
    };
    return { ok: true, value };
  }

  #checkEach(): Refusal | null {
    for (const bundle of this.page.bundles) {
      const read = readCandidate(this.request.bytes, bundle);
      if (!read.ok) return read.refusal;
      const refusal = this.#check(read.value, bundle);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #findFalseGroupSeal(): Refusal | null {
    const docketNumber = findFalseSeal(this.#groupSeals);
    return docketNumber === null ? null : { code: "seal", docketNumber, message: falseGroupSeal };
  }

  #check(candidate: Candidate, bundle: ScannedBundle): Refusal | null {
    return (
      this.#checkRegister(candidate) ??
      this.#checkNumber(candidate) ??
      this.#checkLink(candidate) ??
      checkDuplicates(candidate) ??
      checkCount(candidate) ??
      checkPayloads(candidate) ??
      checkMerkle(candidate) ??
      checkDocketHash(candidate) ??
      this.#checkTime(candidate) ??
      this.#sealAndAccept(candidate, bundle)
    );
  }

  #checkRegister({ docket, bodies }: Candidate): Refusal | null {
    const { registerId } = this.request;
    if (docket.registerId !== registerId) {
      return refuse("register", docket, { message: "The docket belongs to another register" });
    }
    for (const body of bodies) {
      if (body.registerId === registerId) continue;
      const { transactionId } = body;
      const message = "A transaction belongs to another register";
      return refuse("register", docket, { message, transactionId });
    }
    return null;
  }

  #checkNumber({ docket, isControl }: Candidate): Refusal | null {
    const previous = this.#dockets.at(-1);
    const next = previous === undefined ? this.request.nextNumber : previous.number + 1;
    if (!this.request.isPolicyChain) {
      if (docket.docketNumber === next) return null;
      return refuse("number", docket, { message: `Docket ${next} should come here` });
    }
    // Without its genesis a policy chain hangs in the air.
    const isMissing = next === 0 && docket.docketNumber !== 0;
    if (docket.docketNumber < next || isMissing) {
      return refuse("number", docket, {
        message: `Docket ${next} or a later one should come here`,
      });
    }
    if (isControl || docket.docketNumber === 0) return null;
    const message = "The docket does not belong to the policy chain";
    return refuse("number", docket, { message });
  }

  #checkLink({ docket }: Candidate): Refusal | null {
    const previous = this.#dockets.at(-1);
    // Across a page's edge, and over the gaps of a policy chain, there is nothing to compare with.
    if (previous === undefined || previous.number !== docket.docketNumber - 1) return null;
    if (docket.previousHash === previous.hash) return null;
    const message = "The docket does not name the hash of the docket before it";
    return refuse("link", docket, { message });
  }

  #checkTime({ docket, timeMs }: Candidate): Refusal | null {
    if (timeMs < (this.#dockets.at(-1)?.timeMs ?? 0)) {
      return refuse("time", docket, { message: "The docket is older than the one before it" });
    }
    if (timeMs > this.request.nowMs + bounds.clockAheadMs) {
      return refuse("time", docket, { message: "The docket's time lies in the future" });
    }
    return null;
  }

  #sealAndAccept(candidate: Candidate, bundle: ScannedBundle): Refusal | null {
    const { docket, change } = candidate;
    const broken = docket.docketNumber === 0 ? this.#foundingProblem(candidate) : null;
    if (broken !== null) return refuse("seal", docket, { message: broken });
    const policy = this.#policy ?? this.#founding(candidate);
    const seal = checkSeal(docket, { policy, text: candidate.text });
    if (seal.kind === "broken") return refuse("seal", docket, { message: seal.message });
    if (change !== null && this.#policy !== null && change.version <= this.#policy.version) {
      const message = `The policy's version must be higher than ${this.#policy.version}`;
      return refuse("seal", docket, { message });
    }
    const refusal = this.#checkSignatures(candidate) ?? this.#checkGenesis(candidate);
    if (refusal !== null) return refusal;
    if (seal.kind === "sealed" && seal.group !== null) this.#groupSeals.push(seal.group);
    this.#policy = policyAfter(policy, change);
    this.#note(candidate, { bundle, isSealed: seal.kind === "sealed" });
    return null;
  }

  /** What keeps docket 0 from being a register's beginning. */
  #foundingProblem({ docket, bodies, change }: Candidate): string | null {
    const { acceptUnsealed } = this.request;
    if (hasNoSeal(docket)) return acceptUnsealed ? null : "The genesis docket bears no seal";
    if (change === null) {
      return acceptUnsealed ? null : "The genesis docket sets no policy";
    }
    const isAlone = bodies.length === 1;
    const isNamed = bodies[0]?.transactionId === genesisTransactionId(docket.registerId);
    return isAlone && isNamed ? null : "The genesis docket holds more than the register's policy";
  }

  /** The policy that docket 0 is judged by: its own, or nobody's where it bears no seal. */
  #founding({ docket, change }: Candidate): Policy {
    return change === null || hasNoSeal(docket) ? unsealedPolicy(change) : change;
  }

  #checkSignatures({ docket, bodies }: Candidate): Refusal | null {
    if (this.request.verifyTransactions === "none") return null;
    for (const { transactionId, payloadHash, signatures } of bodies) {
      const text = transactionText(transactionId, payloadHash);
      const isTrue =
        signatures.length > 0 && signatures.every((signature) => isSignatureTrue(signature, text));
      if (isTrue) continue;
      const message = "A transaction bears no signature, or one that is not true";
      return refuse("tx-signature", docket, { message, transactionId });
    }
    return null;
  }

  #checkGenesis({ docket }: Candidate): Refusal | null {
    const { genesisHash } = this.request;
    if (docket.docketNumber !== 0 || genesisHash === undefined) return null;
    if (docket.docketHash === genesisHash) return null;
    return refuse("genesis", docket, {
      message: "The register begins with another genesis docket",
    });
  }

  #note(candidate: Candidate, found: { bundle: ScannedBundle; isSealed: boolean }): void {
    const { docket, timeMs, isControl } = candidate;
    const { offset, length } = found.bundle;
    this.#dockets.push({
      number: docket.docketNumber,
      hash: docket.docketHash,
      previousHash: docket.previousHash,
      timeMs,
      offset,
      length,
      transactionCount: docket.transactions.length,
      isControl: isControl || docket.docketNumber === 0,
      isSealed: found.isSealed,
    });
    this.#columns.add(docket, found.bundle);
  }
}

function policyAfter(policy: Policy, change: Policy | null): Policy {
  if (change === null) return policy;
  return isUnsealed(policy) ? unsealedPolicy(change) : change;
}
