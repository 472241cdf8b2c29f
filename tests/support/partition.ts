import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * A net of nodes on one machine from which any of them can be cut off, both ways: each node is
 * reached at a door of its own, and a door knows whose process knocks. Linux only (`/proc`).
 */
export class Partition {
  readonly #doors = new Map<string, Door>();
  readonly #cut = new Set<string>();

  /** The node of this name is to advertise the door's address. */
  async door(name: string): Promise<Door> {
    const door = await Door.open((pid) => this.#isCut(name, pid));
    this.#doors.set(name, door);
    return door;
  }

  /** Nothing passes to or from it any more. */
  cut(name: string): void {
    this.#cut.add(name);
    for (const [to, door] of this.#doors) door.drop((pid) => this.#isCut(to, pid));
  }

  mend(name: string): void {
    this.#cut.delete(name);
  }

  close(): void {
    for (const door of this.#doors.values()) door.close();
  }

  #isCut(to: string, pid: number | null): boolean {
    const from = [...this.#doors].find(([, door]) => pid !== null && door.pid() === pid)?.[0];
    return this.#cut.has(to) || (from !== undefined && this.#cut.has(from));
  }
}

export class Door {
  /** host:port of the node behind it, and its process. */
  target = "";
  pid: () => number = () => 0;
  readonly #sockets = new Map<Socket, number | null>();

  private constructor(
    private readonly server: Server,
    readonly address: string,
    private readonly isCut: (pid: number | null) => boolean,
  ) {}

  static async open(isCut: (pid: number | null) => boolean): Promise<Door> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const door = new Door(server, `127.0.0.1:${port}`, isCut);
    server.on("connection", (near) => door.#carry(near));
    return door;
  }

  drop(isCut: (pid: number | null) => boolean): void {
    for (const [socket, pid] of this.#sockets) if (isCut(pid)) socket.destroy();
  }

  close(): void {
    this.drop(() => true);
    this.server.close();
  }

  #carry(near: Socket): void {
    const pid = pidOf(near.remotePort ?? 0);
    if (this.target === "" || this.isCut(pid)) return void near.destroy();
    const [host, port] = this.target.split(":");
    const far = connect(Number(port), host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.set(one, pid);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

/** Whose process has the other end of a connection of this machine; null: nobody's any more. */
function pidOf(port: number): number | null {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const inode = fields.find((one) => one[1]?.endsWith(suffix) === true)?.[9];
  if (inode === undefined) return null;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (openFiles(pid).includes(`socket:[${inode}]`)) return Number(pid);
  }
  return null;
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}
