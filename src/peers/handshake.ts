import { randomBytes } from "node:crypto";
import { isEqual } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import { inSpan, type Span } from "../telemetry/tracer.ts";
import { isSignedBy } from "../trust/node-key.ts";
import type { Meeting } from "../trust/outgoing.ts";
import { type Channel, openChannel } from "../wire/client.ts";
import type { Draft, HelloRequest, HelloResponse } from "../wire/messages.ts";
import { discovery, replication } from "../wire/services.ts";
import { isUnimplemented } from "../wire/status.ts";
import { type Address, addressText } from "./address.ts";
import { helloBytes, type Identity } from "./identity.ts";
import { bytesOfRecord, infoOf, recordOf, recordOfBytes } from "./messages.ts";
import { isNameOfKey, isSigned, type PeerRecord, replicationProtocol } from "./record.ts";

/** What a peer turned out to be. */
export interface Greeted {
  record: PeerRecord;
  /** It signed our nonce with the key of its record. */
  isProven: boolean;
  /** Its certificate, or the name itself, says that the key goes with the name. */
  isCertified: boolean;
  /** The host it sees us at; null where it can't say. */
  observedHost: string | null;
}

/**
 * The asking side: says hello over a channel of its own, checks the proof, and registers us there.
 * A peer without our protocol is asked with the Sorcha-compatible RPCs. Throws `network` when
 * nobody answers, `forbidden` with code `false-identity` when the proof is wrong.
 */
export async function greet(
  address: Address,
  options: {
    identity: Identity;
    /** Left out: in the clear, with our name and nothing to prove it. */
    meet?: (address: string) => { channel: Channel; meeting: Meeting };
    ownRecord: () => PeerRecord;
    /** Told where the peer sees us, before we register there. */
    onSeen?: (peerId: string, host: string) => void;
    /** Told which of our records the peer knows, before we register there. */
    onKnown?: (seq: number) => void;
    timeoutMs: number;
    signal: AbortSignal;
    useReplication: boolean;
  },
): Promise<Greeted> {
  const { nodeId } = options.identity;
  const text = addressText(address);
  const met = options.meet?.(text) ?? null;
  const channel = met?.channel ?? openChannel({ address: text, nodeId });
  const about = { "server.address": address.host, "server.port": address.port };
  const how = { side: "client", facts: about } as const;
  return inSpan("peer.connection.connect", how, (span) => greetOn(channel, span)).finally(() =>
    channel.close(),
  );

  async function greetOn(channel: Channel, span: Span): Promise<Greeted> {
    const greeted = options.useReplication
      ? await sayHello(channel, options).catch((error) => {
          if (isUnimplemented(error)) return null;
          throw error;
        })
      : null;
    const found = greeted ?? (await findOut(channel, { ...options, address }));
    const { peerId } = found.record;
    span.note({ "peer.id": peerId });
    if (peerId === nodeId) return found;
    const isCertified = met !== null && isCertifiedAs(peerId, { ...met, address: text });
    const call = { deadlineMs: options.timeoutMs, signal: options.signal };
    if (found.observedHost !== null) options.onSeen?.(peerId, found.observedHost);
    const peerInfo = infoOf(options.ownRecord());
    const answer = await channel.unary(discovery.registerPeer, { peerInfo }, call);
    if (!answer.success) {
      throw new PeerError("forbidden", "registration-refused", {
        message: `Peer ${text} does not register us: ${answer.message.slice(0, 400)}`,
      });
    }
    return {
      ...found,
      isProven: found.isProven || isCertified,
      isCertified: isCertified || (found.isProven && isNameOfKey(found.record)),
    };
  }
}

/** Whether a certificate stands for the name. From here on our calls are signed for it. */
function isCertifiedAs(peerId: string, met: { meeting: Meeting; address: string }): boolean {
  const certifiedId = met.meeting.certifiedId();
  if (certifiedId !== null && certifiedId !== peerId) {
    throw new PeerError("forbidden", "false-identity", {
      message: `The node at ${met.address} says it is ${peerId}, and its certificate is ${certifiedId}'s`,
    });
  }
  met.meeting.expect(peerId);
  return certifiedId !== null;
}

/** The answering side of `Hello`. */
export function answerHello(
  request: HelloRequest,
  options: {
    identity: Identity;
    ownRecord: () => PeerRecord;
    observedHost: string;
    /** What is known of who asks. */
    known?: { publicKey: Uint8Array | null; seq: number } | null;
  },
): Draft<HelloResponse> {
  if (request.nonce.length !== nonceBytes || request.nodeId.length > 64) {
    throw new PeerError("invalid", "bad-hello", {
      message: `A hello carries a node id and a nonce of ${nonceBytes} bytes`,
    });
  }
  const record = options.ownRecord();
  const { known = null } = options;
  const isKnown = known?.publicKey != null && isEqual(known.publicKey, request.publicKey);
  return {
    nodeId: options.identity.nodeId,
    publicKey: options.identity.publicKey,
    recordSeq: record.seq,
    features: record.protocols,
    nonceSignature: options.identity.sign(helloBytes(request.nonce, request.nodeId)),
    peerRecord: bytesOfRecord(record),
    observedAddress: options.observedHost,
    messageBytesMax: limits.messageBytes,
    knownRecordSeq: isKnown ? known.seq : 0,
  };
}

async function sayHello(channel: Channel, options: Parameters<typeof greet>[1]): Promise<Greeted> {
  const nonce = new Uint8Array(randomBytes(nonceBytes));
  const own = options.ownRecord();
  const answer = await channel.unary(
    replication.hello,
    {
      nodeId: options.identity.nodeId,
      publicKey: options.identity.publicKey,
      recordSeq: own.seq,
      features: own.protocols,
      nonce,
      peerRecord: bytesOfRecord(own),
    },
    { deadlineMs: options.timeoutMs, signal: options.signal },
  );
  const record = recordOfBytes(answer.peerRecord);
  const bytes = helloBytes(nonce, options.identity.nodeId);
  const isProven =
    record.publicKey !== null &&
    record.peerId === answer.nodeId &&
    isSignedBy(record.publicKey, { bytes, signature: answer.nonceSignature });
  if (!isProven) {
    throw new PeerError("forbidden", "false-identity", {
      message: `The peer that calls itself ${JSON.stringify(answer.nodeId)} does not hold its key`,
    });
  }
  if (answer.knownRecordSeq > own.seq) options.onKnown?.(answer.knownRecordSeq);
  return { record, isProven, isCertified: false, observedHost: answer.observedAddress || null };
}

/** A peer that doesn't speak our protocol: its ping gives the name, its list what it holds. */
async function findOut(
  channel: Channel,
  options: Parameters<typeof greet>[1] & { address: Address },
): Promise<Greeted> {
  const { identity, address } = options;
  const call = { deadlineMs: options.timeoutMs, signal: options.signal };
  const pong = await channel.unary(discovery.ping, { peerId: identity.nodeId }, call);
  const isNamed = pong.peerId !== "" && pong.peerId !== "unknown";
  const peerId = isNamed ? pong.peerId : addressText(address);
  const listed = await channel.unary(
    discovery.getPeerList,
    { requestingPeerId: identity.nodeId, maxPeers: limits.listPeers },
    call,
  );
  const self = listed.peers.find((info) => info.peerId === peerId);
  const told = self === undefined ? null : recordOf(self);
  const unproven = { isProven: false, isCertified: false, observedHost: null };
  // Anybody can show the signed record of somebody else: it counts where its own address is.
  const isHere = told !== null && addressText(told) === addressText(address);
  if (told !== null && isHere && isSigned(told)) return { ...unproven, record: told };
  const record: PeerRecord = {
    peerId,
    host: address.host,
    port: address.port,
    protocols: told?.protocols.filter((name) => name !== replicationProtocol) ?? [],
    adverts: told?.adverts ?? [],
    publicKey: null,
    seq: 0,
    signature: null,
    lastSeenMs: 0,
  };
  return { ...unproven, record };
}

const nonceBytes = 32;
