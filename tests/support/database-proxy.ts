import { connect, createServer, type Server, type Socket } from "node:net";

/** What happens to a statement whose text matches, until `clearRules`. */
export interface Rule {
  match: RegExp;
  /**
   * cut-before  the line breaks before the server hears of it
   * cut-after   the server gets it and answers, and the line breaks before the answer is told
   * refuse      the server never hears of it; the caller is told `sqlState`
   */
  act: "cut-before" | "cut-after" | "refuse";
  sqlState?: string;
  /** Only the first time. */
  isOnce?: boolean;
}

/**
 * A line to PostgreSQL that reads the protocol and can do to it what machines and operators do:
 * refuse connections, cut them at a statement, delay, hang, and answer as a server whose disk is
 * full. Speaks no TLS, as the tests' servers.
 */
export class DatabaseProxy {
  delayMs = 0;
  #isFrozen = false;
  /** How often rules were applied. */
  applied = 0;
  #rules: Rule[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
    readonly port: number,
  ) {}

  static async open(target: { host: string; port: number }): Promise<DatabaseProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new DatabaseProxy(server, target, (server.address() as { port: number }).port);
    server.on("connection", (near) => proxy.#carry(near));
    return proxy;
  }

  set(rule: Rule): void {
    this.#rules.push(rule);
  }

  clearRules(): void {
    this.#rules = [];
    this.applied = 0;
  }

  /** Nothing passes, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
  }

  /** Connections break, and new ones are refused. */
  async refuse(): Promise<void> {
    const isClosed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await isClosed;
  }

  async accept(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, "127.0.0.1", resolve));
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #carry(near: Socket): void {
    const far = connect(this.target.port, this.target.host);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const session = new Session({
      near,
      far,
      ruleFor: (sql) => this.#ruleFor(sql),
      pass: () => this.#pass(),
    });
    near.on("data", (bytes: Buffer) => session.asked(bytes));
    far.on("data", (bytes: Buffer) => session.answered(bytes));
  }

  #ruleFor(sql: string): Rule | null {
    const rule = this.#rules.find((one) => one.match.test(sql));
    if (rule === undefined) return null;
    this.applied += 1;
    if (rule.isOnce) this.#rules = this.#rules.filter((one) => one !== rule);
    return rule;
  }

  async #pass(): Promise<void> {
    if (this.delayMs > 0) await Bun.sleep(this.delayMs);
    while (this.#isFrozen) await Bun.sleep(10);
  }
}

interface Ends {
  near: Socket;
  far: Socket;
  ruleFor: (sql: string) => Rule | null;
  pass: () => Promise<void>;
}

/** One connection: follows which statement each message is about, and whose turn it is. */
class Session {
  #rest: Buffer = Buffer.alloc(0);
  #isStarted = false;
  readonly #statements = new Map<string, string>();
  #sync = 0;
  #ready = -1;
  #isInTransaction = false;
  #isSwallowing = false;
  #isMute = false;
  #asking = Promise.resolve();
  #answering = Promise.resolve();

  constructor(private readonly ends: Ends) {}

  asked(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const typeBytes = this.#isStarted ? 1 : 0;
      if (this.#rest.length < typeBytes + 4) return;
      const length = typeBytes + this.#rest.readInt32BE(typeBytes);
      if (this.#rest.length < length) return;
      const message = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      const isStart = !this.#isStarted;
      this.#isStarted = true;
      this.#asking = this.#asking.then(() => this.#ask(message, isStart));
    }
  }

  /** Counts the server's ReadyForQuery: so many of the questions are answered. */
  answered(bytes: Buffer): void {
    for (let at = 0; at + 6 <= bytes.length; at += 1) {
      if (bytes.subarray(at, at + 5).equals(readyHead)) this.#ready += 1;
    }
    this.#answering = this.#answering.then(async () => {
      await this.ends.pass();
      if (this.#isMute) this.ends.near.resetAndDestroy();
      else if (!this.ends.near.destroyed) this.ends.near.write(bytes);
    });
  }

  async #ask(message: Buffer, isStart: boolean): Promise<void> {
    await this.ends.pass();
    const type = isStart ? "" : String.fromCharCode(message[0] as number);
    if (this.#isSwallowing) {
      if (type !== "S") return;
      this.#isSwallowing = false;
      this.ends.near.write(readyMessage(this.#isInTransaction));
      return;
    }
    const sql = this.#statementOf(type, message);
    const rule = sql === null ? null : this.ends.ruleFor(sql);
    if (rule?.act === "cut-before") return void this.ends.near.resetAndDestroy();
    if (rule?.act === "refuse") return this.#refuse(type, rule.sqlState ?? "XX000");
    if (rule?.act === "cut-after") this.#isMute = true;
    if (type === "Q" || type === "S") this.#sync += 1;
    if (!this.ends.far.destroyed) this.ends.far.write(message);
  }

  /** Answers in the server's place, once it has answered all that came before. */
  async #refuse(type: string, sqlState: string): Promise<void> {
    while (this.#ready < this.#sync && !this.ends.far.destroyed) await Bun.sleep(1);
    await this.#answering;
    this.ends.near.write(errorMessage(sqlState));
    if (type === "Q") this.ends.near.write(readyMessage(this.#isInTransaction));
    else this.#isSwallowing = true;
  }

  /** The text of the statement that a message is about; null for all others. */
  #statementOf(type: string, message: Buffer): string | null {
    const texts = message.subarray(5).toString("latin1").split("\0");
    let sql: string | null = null;
    if (type === "Q") sql = texts[0] ?? "";
    if (type === "P") {
      this.#statements.set(texts[0] ?? "", texts[1] ?? "");
      return null;
    }
    if (type === "B") sql = this.#statements.get(texts[1] ?? "") ?? "";
    if (sql === null) return null;
    if (/^\s*begin/i.test(sql)) this.#isInTransaction = true;
    if (/^\s*(commit|rollback)/i.test(sql)) this.#isInTransaction = false;
    return sql.trim();
  }
}

const readyHead = Buffer.from([0x5a, 0, 0, 0, 5]);

function readyMessage(isInTransaction: boolean): Buffer {
  return Buffer.concat([readyHead, Buffer.from(isInTransaction ? "E" : "I")]);
}

function errorMessage(sqlState: string): Buffer {
  const fields = `SERROR\0VERROR\0C${sqlState}\0MSaid by a test's proxy\0\0`;
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, Buffer.from(fields)]);
}
