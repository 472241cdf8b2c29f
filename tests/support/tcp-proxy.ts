import { connect, createServer, type Server, type Socket } from "node:net";

/** What the line does to bytes; each may be changed while it carries some. */
export interface LineFaults {
  /** Added to each direction, ms. */
  delayMs: number;
  /** Bytes a second and direction; null: as many as come. */
  bytesPerSecond: number | null;
  /** Nothing passes, nobody is told: a line that hangs. */
  isStalled: boolean;
  /** Only what the caller sends passes. */
  isOneWay: boolean;
  /** New connections are taken and never carried on: the other side is half gone. */
  isHalfOpen: boolean;
}

/** What a line holds before whoever sends must wait. */
const lineBytes = 1024 * 1024;

/** A TCP line with faults, for where network namespaces are not to be had. */
export class TcpProxy {
  readonly faults: LineFaults = {
    delayMs: 0,
    bytesPerSecond: null,
    isStalled: false,
    isOneWay: false,
    isHalfOpen: false,
  };
  /** host:port of what lies behind it; as long as that is nothing, it hangs up. */
  target = "";
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port);
    server.on("connection", (near) => proxy.#carry(near));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Cuts every connection as a crashed router would. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  close(): void {
    this.reset();
    this.server.close();
  }

  #carry(near: Socket): void {
    this.#keep(near);
    if (this.faults.isHalfOpen) return;
    if (this.target === "") return void near.destroy();
    const [host, port] = this.target.split(":");
    const far = this.#keep(connect(Number(port), host));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    this.#pass(near, far, { isAnswer: false });
    this.#pass(far, near, { isAnswer: true });
  }

  /** Chunk after chunk, in order, each as late as the line makes it. */
  #pass(from: Socket, to: Socket, direction: { isAnswer: boolean }): void {
    let line = Promise.resolve();
    let underWay = 0;
    from.on("data", (bytes: Buffer) => {
      const arrivedAtMs = performance.now();
      underWay += bytes.length;
      if (underWay > lineBytes) from.pause();
      line = line.then(async () => {
        const { delayMs, bytesPerSecond } = this.faults;
        while (this.#isCut(direction) && !to.destroyed) await Bun.sleep(10);
        const paceMs = bytesPerSecond === null ? 0 : (bytes.length / bytesPerSecond) * 1_000;
        await Bun.sleep(Math.max(paceMs, arrivedAtMs + delayMs - performance.now()));
        if (!to.destroyed) to.write(bytes);
        underWay -= bytes.length;
        if (underWay <= lineBytes) from.resume();
      });
    });
  }

  #isCut(direction: { isAnswer: boolean }): boolean {
    return this.faults.isStalled || (this.faults.isOneWay && direction.isAnswer);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
