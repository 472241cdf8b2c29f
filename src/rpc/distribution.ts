import { PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import * as distribution from "../distribution/distribution.ts";
import { Allowance } from "../peers/allowance.ts";
import { book } from "../peers/book.ts";
import { isProvenAs } from "../peers/discovery.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import {
  checkNodeId,
  checkTransactionNotification,
  checkTransactionRequest,
} from "../wire/checks.ts";
import type * as d from "../wire/distribution-messages.ts";
import type { Draft } from "../wire/messages.ts";
import { pack } from "../wire/packing.ts";
import { answer, answerStream, type Caller, type Handler } from "../wire/serve.ts";
import { distribution as rpc } from "../wire/services.ts";
import { refuse } from "../wire/status.ts";
import { type ServeOptions, servedRegister } from "./served.ts";
import { spendFor } from "./serving.ts";

/** `TransactionDistribution`: what no docket holds yet, told and given to those who may read. */
export function distributionHandlers(options: ServeOptions & { clock: Clock }): Handler[] {
  const monotonicMs = () => options.clock.monotonicMs();
  const allowance = new Allowance({ ...limits.announcements, namesMax: 4_096, monotonicMs });
  return [
    answer(rpc.notifyTransaction, (request, caller) => {
      checkTransactionNotification(request);
      const from = request.senderPeerId || caller.peerId || "";
      checkNodeId("sender_peer_id", from);
      if (!allowance.take(limitedAs(hostOfConnection(caller.address)))) {
        throw refuse("BUSY", { message: "This host tells too much; later", retryAfterMs: 1_000 });
      }
      servedRegister(request.registerId, caller, options);
      return hear(from, { request, caller });
    }),
    answer(rpc.getTransaction, async (request, caller) => {
      const body = await bodyFor(request, { caller, options });
      const { transactionHash } = request;
      if (body === null) return { transactionHash, found: false };
      const { data: transactionData, encoding } = pack(body, request.acceptEncoding);
      return { transactionHash, transactionData, encoding, found: true };
    }),
    answerStream(rpc.streamTransaction, (request, caller) => stream(request, { caller, options })),
  ];
}

function hear(
  from: string,
  { request, caller }: { request: d.TransactionNotification; caller: Caller },
): Draft<d.NotificationAck> {
  const { registerId, isRepair: isLazy } = request;
  const items = [request, ...request.more].map((one) => ({
    transactionId: one.transactionHash,
    bytes: one.transactionSize,
  }));
  const teller = { peerId: from, isProven: isProvenAs(from, caller, book()) };
  return distribution.hear(teller, { registerId, items, isLazy });
}

/** In chunks of 64 KiB; an empty document has one, which is empty. */
async function* stream(
  request: d.TransactionRequest,
  given: { caller: Caller; options: ServeOptions },
): AsyncGenerator<Draft<d.TransactionChunk>> {
  const body = await bodyFor(request, given);
  const { transactionHash, registerId, fromChunk, acceptEncoding } = request;
  if (body === null) {
    throw new PeerError("not-found", "unknown-transaction", {
      message: `Register ${registerId} has no transaction ${transactionHash} here`,
    });
  }
  const { transactionChunkBytes } = limits;
  const totalChunks = Math.max(1, Math.ceil(body.byteLength / transactionChunkBytes));
  if (fromChunk >= totalChunks) {
    throw new PeerError("invalid", "bad-field", {
      message: `Field from_chunk is ${fromChunk}, and the transaction has ${totalChunks} chunks`,
    });
  }
  for (let chunkIndex = fromChunk; chunkIndex < totalChunks; chunkIndex += 1) {
    const start = chunkIndex * transactionChunkBytes;
    const chunk = body.subarray(start, start + transactionChunkBytes);
    const { data: chunkData, encoding } = pack(chunk, acceptEncoding);
    yield { transactionHash, chunkIndex, totalChunks, chunkData, encoding };
  }
}

async function bodyFor(
  request: d.TransactionRequest,
  { caller, options }: { caller: Caller; options: ServeOptions },
): Promise<Uint8Array | null> {
  checkTransactionRequest(request);
  const { registerId, transactionHash } = request;
  servedRegister(registerId, caller, options);
  const body = await distribution.findBody(registerId, transactionHash);
  if (body !== null) await spendFor(caller, { registerId, bytes: body.byteLength });
  return body;
}
