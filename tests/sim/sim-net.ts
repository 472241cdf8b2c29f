import { PeerError } from "../../src/base/error.ts";
import { seededDice } from "../../src/base/prng.ts";
import { addressText } from "../../src/peers/address.ts";
import type { Advert } from "../../src/peers/advert.ts";
import { Book } from "../../src/peers/book.ts";
import { Channels } from "../../src/peers/channels.ts";
import { Discovery, isProvenAs } from "../../src/peers/discovery.ts";
import { Gate } from "../../src/peers/gate.ts";
import { answerHello, greet } from "../../src/peers/handshake.ts";
import { answerHeartbeat } from "../../src/peers/heartbeat.ts";
import { type Identity, identityOf, isRecordGenuine } from "../../src/peers/identity.ts";
import { Mesh } from "../../src/peers/mesh.ts";
import { OwnRecord } from "../../src/peers/own-record.ts";
import { replicationProtocol } from "../../src/peers/record.ts";
import type { Channel } from "../../src/wire/client.ts";
import type { Draft, HelloRequest } from "../../src/wire/messages.ts";
import { discovery, heartbeat, type Method, replication } from "../../src/wire/services.ts";
import { SimClock } from "./sim-clock.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Who calls, as the wire would have it. */
interface SimCaller {
  peerId: string | null;
  provenId: string | null;
  publicKey: Uint8Array | null;
  address: string;
}

type Handle = (request: never, caller: SimCaller) => object;

/**
 * A network inside this process: nodes made of the production book, channels, mesh and answers,
 * messages in their wire encoding, time and chance from a seed.
 */
export class SimNet {
  readonly clock = new SimClock();
  readonly dice: () => number;
  readonly nodes: SimNode[] = [];
  /** Whether a call from one host to another gets through. */
  isOpen: (from: string, to: string) => boolean = () => true;
  calls = 0;
  readonly #callsOf = new Map<string, number>();
  readonly #listeners = new Map<string, SimNode>();
  #keys = 0;

  constructor(seed: number) {
    this.dice = seededDice(seed);
  }

  /** A node at an address of its own; it does nothing before `start`. */
  add(nodeId: string, options: Partial<SimNodeOptions> = {}): SimNode {
    const host = options.host ?? `10.${this.nodes.length % 5}.0.${this.nodes.length + 1}`;
    this.#keys += 1;
    const identity = options.identity ?? identityOf(nodeId, keySeed(this.#keys));
    const node = new SimNode(this, {
      seeds: [],
      adverts: [],
      outboundMax: 100,
      isPassive: false,
      ...options,
      host,
      identity,
    });
    this.nodes.push(node);
    return node;
  }

  listen(node: SimNode): void {
    this.#listeners.set(addressText(node.options), node);
  }

  unlisten(node: SimNode): void {
    this.#listeners.delete(addressText(node.options));
  }

  callsFrom(node: SimNode): number {
    return this.#callsOf.get(node.options.host) ?? 0;
  }

  /** A caller at a host; `nodeId` is whatever it says. */
  channel(from: { host: string; nodeId: string | null }, to: string): Channel {
    const unary = async <Request, Response>(
      method: Method<Request, Response>,
      request: Draft<Request>,
      call: { deadlineMs: number; signal?: AbortSignal },
    ): Promise<Response> => {
      this.calls += 1;
      this.#callsOf.set(from.host, (this.#callsOf.get(from.host) ?? 0) + 1);
      await this.clock.sleep(1 + this.dice() * 20, call.signal);
      const target = this.#listeners.get(to);
      if (target === undefined || !this.isOpen(from.host, target.options.host)) {
        throw new PeerError("network", "unreachable", { message: `Nobody answers at ${to}` });
      }
      const claimed = { peerId: from.nodeId, provenId: null, publicKey: null };
      const decoded = method.request.decode(method.request.encode(request));
      const answer = target.answer(method.path, decoded as never, {
        ...claimed,
        address: `${from.host}:40000`,
      });
      await this.clock.sleep(1 + this.dice() * 20, call.signal);
      return method.response.decode(method.response.encode(answer as Draft<Response>));
    };
    const stream = () => {
      throw new PeerError("unavailable", "unimplemented", { message: "No streams here" });
    };
    return { address: to, unary, stream, state: () => "ready", close: () => {} };
  }

  async stop(): Promise<void> {
    const stopping = Promise.all(this.nodes.map((node) => node.stop()));
    await this.clock.pass(1_000);
    await stopping;
  }
}

export interface SimNodeOptions {
  host: string;
  identity: Identity;
  seeds: readonly SimNode[];
  adverts: Advert[];
  outboundMax: number;
  /** It answers, and reaches nobody by itself: where there are too many for all to be busy. */
  isPassive: boolean;
}

const port = 5001;

export class SimNode {
  readonly options: SimNodeOptions & { port: number };
  readonly woken: string[] = [];
  /** As the store would keep it over a restart. */
  book: Book;
  channels!: Channels;
  mesh!: Mesh;
  gate!: Gate;
  #answers = new Map<string, Handle>();
  #isRunning = false;

  constructor(
    readonly net: SimNet,
    options: SimNodeOptions,
  ) {
    this.options = { ...options, port };
    this.book = this.#newBook();
  }

  get nodeId(): string {
    return this.options.identity.nodeId;
  }

  start(): void {
    const { net } = this;
    const { clock, dice } = net;
    const { identity, host, seeds } = this.options;
    this.channels = new Channels({
      openChannel: (address) => ({ channel: this.#dial(address) }),
      clock,
    });
    const ownRecord = new OwnRecord({
      identity,
      host: () => host,
      port: () => port,
      protocols: ["GrpcStream", replicationProtocol],
      nowMs: clock.nowMs,
      publicAdverts: () => this.options.adverts,
    });
    const beat = {
      nodeId: this.nodeId,
      book: this.book,
      localAdverts: () => this.options.adverts,
      metrics: () => ({ activeConnections: this.book.connected().length, uptimeSeconds: 1 }),
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      wake: (registerIds: readonly string[]) => void this.woken.push(...registerIds),
      provesPeers: true,
      showedItself: (peerId: string) => this.mesh.showedItself(peerId),
    };
    const meeting = { certifiedId: () => null, expect: () => {} };
    const greeting = {
      identity,
      ownRecord: () => ownRecord.current(),
      timeoutMs: 5_000,
      useReplication: true,
      openChannel: (address: string) => this.#dial(address),
      meet: (address: string) => ({ channel: this.#dial(address), meeting: meeting as never }),
    };
    this.mesh = new Mesh({
      book: this.book,
      channels: this.channels,
      seeds: seeds.map((seed) => ({ host: seed.options.host, port })),
      outboundMax: this.options.outboundMax,
      heartbeat: beat,
      heartbeatMs: 30_000,
      heartbeatTimeoutMs: 5_000,
      exchangeMs: 300_000,
      greet: (address, signal) => greet(address, { ...greeting, signal }),
      clock,
      dice,
      log: silent,
    });
    this.gate = new Gate({ book: this.book });
    this.#answers = this.#makeAnswers(ownRecord, beat);
    this.net.listen(this);
    this.#isRunning = true;
    if (!this.options.isPassive) this.mesh.start();
  }

  /** Answers again, without reaching out by itself. */
  listen(): void {
    this.net.listen(this);
  }

  /** Without it: as the power cut does it. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.net.unlisten(this);
    await this.mesh.stop();
    this.channels.close();
  }

  /** Stops, forgets what a restart forgets, and starts again. */
  async restart(): Promise<void> {
    const stopping = this.stop();
    await this.net.clock.pass(100);
    await stopping;
    const kept = this.book.list();
    this.book = this.#newBook();
    for (const peer of kept) {
      this.book.restore({ ...peer, connection: "known", adverts: new Map(), isSeed: false });
    }
    this.start();
  }

  answer(path: string, request: never, caller: SimCaller): object {
    const handle = this.#answers.get(path);
    if (handle === undefined) {
      throw new PeerError("unavailable", "unimplemented", { message: `${path} is not here` });
    }
    const { leave } = this.gate.enter(caller);
    try {
      return handle(request, caller);
    } finally {
      leave();
    }
  }

  /** Ids of those it has a connection to. */
  connectedIds(): string[] {
    return this.book.connected().map((peer) => peer.peerId);
  }

  #dial(address: string): Channel {
    return this.net.channel({ host: this.options.host, nodeId: this.nodeId }, address);
  }

  #newBook(): Book {
    const { clock } = this.net;
    const secret = `${this.options.identity.nodeId}-secret`;
    const ownId = this.options.identity.nodeId;
    return new Book({ ownId, nowMs: clock.nowMs, isGenuine: isRecordGenuine, secret });
  }

  #makeAnswers(ownRecord: OwnRecord, beat: object): Map<string, Handle> {
    const { clock, dice } = this.net;
    const answers = new Discovery({
      nodeId: this.nodeId,
      book: this.book,
      ownRecord: () => ownRecord.current(),
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      dice,
      dialSoon: (peerId) => this.mesh.dialSoon(peerId),
      hear: (records, tellerHost) => this.mesh.hear(records, tellerHost),
    });
    const hello = (request: HelloRequest, caller: SimCaller) =>
      answerHello(request, {
        identity: this.options.identity,
        ownRecord: () => ownRecord.current(),
        observedHost: caller.address,
      });
    const options = { ...beat, beatSoon: (peerId: string) => this.mesh.beatSoon(peerId) };
    const handlers: [Method<never, never>, Handle][] = [
      [replication.hello as never, hello as Handle],
      [discovery.registerPeer as never, (request, caller) => answers.registerPeer(request, caller)],
      [
        discovery.exchangePeers as never,
        (request, caller) => answers.exchangePeers(request, caller),
      ],
      [discovery.getPeerList as never, (request, caller) => answers.getPeerList(request, caller)],
      [
        heartbeat.sendHeartbeat as never,
        (request: { peerId: string }, caller) => {
          const isProven = isProvenAs(request.peerId, caller, this.book);
          const given = { ...options, isProven, readerId: isProven ? request.peerId : null };
          return answerHeartbeat(request as never, given as never);
        },
      ],
    ];
    return new Map(handlers.map(([method, handle]) => [method.path, handle]));
  }
}

function keySeed(number: number): Uint8Array {
  const seed = new Uint8Array(32).fill(7);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
}
