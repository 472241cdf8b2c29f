import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { PeerError } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Address } from "./address.ts";

const magic = 0x2112a442;
const bindingRequest = 0x0001;
const bindingAnswer = 0x0101;
const mappedAddress = 0x0001;
const xorMappedAddress = 0x0020;
const headerBytes = 20;

/**
 * How a STUN server sees us (RFC 5389: one binding request, sent again while nothing comes). Throws
 * `network` when no server answers in time.
 */
export async function askStun(
  server: Address,
  options: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<Address> {
  const id = randomBytes(12);
  const request = Buffer.alloc(headerBytes);
  request.writeUInt16BE(bindingRequest, 0);
  request.writeUInt32BE(magic, 4);
  id.copy(request, 8);
  const socket = createSocket(server.host.includes(":") ? "udp6" : "udp4");
  const ended = new AbortController();
  const onAbort = () => ended.abort();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const answered = new Promise<Address>((resolve, reject) => {
      socket.on("message", (message) => {
        const seen = readBindingAnswer(message, id);
        if (seen !== null) resolve(seen);
      });
      socket.on("error", reject);
    });
    const patience = sendUntil(() => socket.send(request, server.port, server.host), {
      ...options,
      signal: ended.signal,
    }).then(() => {
      throw new PeerError("network", "stun-silent", {
        message: `The STUN server ${server.host}:${server.port} did not answer`,
      });
    });
    patience.catch(() => undefined);
    return await Promise.race([answered, patience]);
  } finally {
    ended.abort();
    options.signal.removeEventListener("abort", onAbort);
    socket.close();
  }
}

/** The address in an answer to our request; null for anything else that comes in. */
export function readBindingAnswer(message: Uint8Array, id: Uint8Array): Address | null {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== bindingAnswer) return null;
  if (bytes.readUInt32BE(4) !== magic || !bytes.subarray(8, headerBytes).equals(id)) return null;
  const end = Math.min(bytes.length, headerBytes + bytes.readUInt16BE(2));
  let plain: Address | null = null;
  for (let at = headerBytes; at + 4 <= end; ) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (value.length < length) return null;
    if (type === xorMappedAddress) return addressOf(value, bytes.subarray(4, headerBytes));
    if (type === mappedAddress) plain = addressOf(value, null);
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return plain;
}

/** `mask`: the magic cookie and the id, with which the newer attribute is veiled. */
function addressOf(value: Buffer, mask: Uint8Array | null): Address | null {
  const isV6 = value[1] === 2;
  if (value.length !== (isV6 ? 20 : 8)) return null;
  const port = value.readUInt16BE(2) ^ (mask === null ? 0 : magic >>> 16);
  const octets = [...value.subarray(4)].map((octet, index) => octet ^ (mask?.[index] ?? 0));
  if (!isV6) return { host: octets.join("."), port };
  const groups = Array.from({ length: 8 }, (_, index) => {
    return (((octets[index * 2] ?? 0) << 8) | (octets[index * 2 + 1] ?? 0)).toString(16);
  });
  return { host: groups.join(":"), port };
}

/** After 0.5 s, then twice as long each time, as the RFC has it. */
async function sendUntil(
  send: () => void,
  options: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const endMs = options.clock.monotonicMs() + options.timeoutMs;
  for (let waitMs = 500; options.clock.monotonicMs() < endMs; waitMs *= 2) {
    send();
    const leftMs = Math.max(1, endMs - options.clock.monotonicMs());
    await options.clock.sleep(Math.min(waitMs, leftMs), options.signal);
  }
}
