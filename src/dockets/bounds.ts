/**
 * How large documents may be. These are part of what a valid docket is: every node must agree on
 * them, or one would refuse what another has stored. `runtime/limits.ts` repeats those that also
 * bound the wire; a test keeps the two equal.
 */
const MiB = 1024 * 1024;

export const bounds = {
  /** A frame of dockets: one message. */
  pageBytes: 16 * MiB,
  /** One docket with all its bodies and their framing. */
  docketBytes: 15 * MiB,
  transactionBytes: 10 * MiB,
  docketTransactions: 100_000,
  pageDockets: 1_000,
  /** How far a docket's time may lie ahead of the verifier's clock. */
  clockAheadMs: 5 * 60_000,
  /** Validators of one register: each may cost one signature check a docket. */
  validators: 128,
  /** Signatures on one transaction: each costs a check. */
  transactionSignatures: 16,
  /** Nodes that a policy may name as readers. */
  readers: 10_000,
  nameLength: 256,
  descriptionLength: 4_096,
  /** Base64url characters of a key or a signature: the largest post-quantum ones fit. */
  keyLength: 16_384,
  /** Nesting of JSON that we look into: deeper is refused before the stack ends. */
  jsonDepth: 64,
} as const;
