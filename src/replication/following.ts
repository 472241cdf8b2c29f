import { PeerError } from "../base/error.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";

/** A sealed docket that others show and our source doesn't give is withheld after this. */
const withholdingMs = 1_000;

/** The source that a register is pulled from at present, and why it is left before it ends. */
export class Following {
  /** Set when it was left. */
  reason: PeerError | null = null;

  constructor(
    readonly source: Source,
    private readonly stopping: AbortController,
  ) {}

  leave(reason: PeerError): void {
    this.reason ??= reason;
    this.stopping.abort();
  }

  /** A peer shows the docket `number`: it must be here in a moment, or this source is left. */
  async expect(
    head: { number: number; peerId: string },
    options: { clock: Clock; nextNumber: () => number; movedMs: () => number },
  ): Promise<boolean> {
    const { peerId } = this.source;
    if (peerId === head.peerId) return false;
    const { clock, nextNumber, movedMs } = options;
    await clock.sleep(withholdingMs, this.stopping.signal).catch(() => undefined);
    const isMoving = clock.monotonicMs() - movedMs() < withholdingMs;
    if (this.stopping.signal.aborted || isMoving || nextNumber() > head.number) return false;
    const message = `Peer ${peerId} withholds docket ${head.number}, which ${head.peerId} shows`;
    this.leave(new PeerError("network", "withholding", { message }));
    return true;
  }
}
