import { PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import { orAbort } from "../base/signal.ts";
import { Allowance } from "../peers/allowance.ts";
import { isProvenAs } from "../peers/discovery.ts";
import { answerHeartbeat, type HeartbeatOptions } from "../peers/heartbeat.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { checkAdvert, checkNodeId } from "../wire/checks.ts";
import type { Draft, PeerHeartbeatRequest, PeerHeartbeatResponse } from "../wire/messages.ts";
import { answer, type Caller, converse, type Handler } from "../wire/serve.ts";
import { heartbeat } from "../wire/services.ts";
import { refuse } from "../wire/status.ts";

/** `PeerHeartbeat`: one question and answer, or a conversation of them. */
export function heartbeatHandlers(
  options: () => HeartbeatOptions,
  around: { clock: Clock },
): Handler[] {
  const { clock } = around;
  const allowance = new Allowance({
    ...limits.heartbeats,
    namesMax: 4_096,
    monotonicMs: () => clock.monotonicMs(),
  });
  const reply = (request: PeerHeartbeatRequest, caller: Caller): Draft<PeerHeartbeatResponse> => {
    if (!allowance.take(limitedAs(hostOfConnection(caller.address)))) {
      throw refuse("BUSY", { message: "This host beats too often; later", retryAfterMs: 1_000 });
    }
    checkHeartbeat(request);
    const { book } = options();
    return answerHeartbeat(request, {
      ...options(),
      isProven: isProvenAs(request.peerId, caller, book),
      readerId: caller.provenId,
    });
  };
  return [
    answer(heartbeat.sendHeartbeat, reply),
    converse(heartbeat.streamHeartbeat, (requests, caller) =>
      converseBounded(requests, { caller, clock, reply }),
    ),
  ];
}

/** Ends a conversation in which nothing is said, and one that is all about different nodes. */
async function* converseBounded(
  requests: AsyncIterable<PeerHeartbeatRequest>,
  options: {
    caller: Caller;
    clock: Clock;
    reply: (request: PeerHeartbeatRequest, caller: Caller) => Draft<PeerHeartbeatResponse>;
  },
): AsyncGenerator<Draft<PeerHeartbeatResponse>> {
  const { caller, clock } = options;
  const iterator = requests[Symbol.asyncIterator]();
  let speaker: string | null = null;
  for (;;) {
    const waiting = new AbortController();
    const quiet = clock.sleep(limits.quietHeartbeatMs, waiting.signal).then(() => {
      throw new PeerError("unavailable", "quiet", {
        message: `No heartbeat came for ${limits.quietHeartbeatMs / 1000} s`,
      });
    });
    quiet.catch(() => undefined);
    const next = await orAbort(Promise.race([iterator.next(), quiet]), caller.signal).finally(() =>
      waiting.abort(),
    );
    if (next.done) return;
    speaker ??= next.value.peerId;
    if (next.value.peerId !== speaker) {
      throw new PeerError("invalid", "two-speakers", {
        message: "One conversation of heartbeats speaks for one node",
      });
    }
    yield options.reply(next.value, caller);
  }
}

function checkHeartbeat(request: PeerHeartbeatRequest): void {
  checkNodeId("peer_id", request.peerId);
  const { length } = request.advertisedRegisters;
  if (length > limits.advertsPerPeer) {
    throw new PeerError("too-large", "too-many", {
      message: `A heartbeat tells of ${length} registers; ${limits.advertsPerPeer} are allowed`,
    });
  }
  for (const advert of request.advertisedRegisters) checkAdvert(advert);
}
