/**
 * A TCP line for benchmarks: adds a delay to each direction, carries at most so many bytes a second
 * towards the caller, or stands still. Unlike the tests' proxy it holds as much as is under way, as
 * a long road does.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export class Line {
  delayMs = 0;
  /** Towards the caller; null: as many as come. */
  bytesPerSecond: number | null = null;
  isFrozen = false;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async open(target: string): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const line = new Line(server, `127.0.0.1:${(server.address() as { port: number }).port}`);
    const [host, port] = target.split(":");
    server.on("connection", (near) => {
      const far = connect(Number(port), host);
      line.#carry(near, far, false);
      line.#carry(far, near, true);
    });
    return line;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }

  #carry(from: Socket, to: Socket, isAnswer: boolean): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("error", () => from.destroy());
    let isOver = false;
    from.on("close", () => {
      isOver = true;
      pass();
    });
    const underWay: { bytes: Buffer; dueMs: number }[] = [];
    let isTimed = false;
    let freeMs = 0;
    from.on("data", (bytes: Buffer) => {
      const nowMs = performance.now();
      const rate = isAnswer ? this.bytesPerSecond : null;
      if (rate !== null) freeMs = Math.max(freeMs, nowMs) + (bytes.length / rate) * 1_000;
      underWay.push({ bytes, dueMs: Math.max(nowMs, freeMs) + this.delayMs });
      // What waits for the capped line waits at the sender.
      if (freeMs - nowMs > 50) from.pause();
      pass();
    });
    const pass = () => {
      if (isTimed) return;
      const nowMs = performance.now();
      while (!this.isFrozen && (underWay[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
        const bytes = underWay.shift()?.bytes;
        if (bytes !== undefined && !to.destroyed) to.write(bytes);
      }
      if (freeMs - nowMs <= 50) from.resume();
      if (isOver && underWay.length === 0) to.destroy();
      if (underWay.length === 0 || to.destroyed) return;
      isTimed = true;
      setTimeout(() => {
        isTimed = false;
        pass();
      }, 2);
    };
  }
}
