import type { Clock } from "../runtime/clock.ts";
import { callWatcher } from "../telemetry/recording.ts";
import { traceHeaders } from "../telemetry/tracer.ts";
import type { Meeting, Outgoing } from "../trust/outgoing.ts";
import { type Channel, openChannel } from "../wire/client.ts";
import { serverNameFor } from "../wire/tls.ts";

/**
 * A channel to host:port that shows who we are, and to the peer of that name alone; null: whoever
 * answers. Its calls are measured, and carry the trace that they are part of.
 */
export function meet(
  address: string,
  options: {
    peerId: string | null;
    identity: { nodeId: string };
    outgoing: Outgoing;
    clock: Clock;
  },
): { channel: Channel; meeting: Meeting } {
  const { peerId, clock } = options;
  const meeting = options.outgoing.meet(peerId);
  const check = meeting.check();
  const security = {
    tls: check === null ? null : { ...check, serverName: serverNameFor(peerId) },
    credentials: () => meeting.credentials(),
  };
  const { nodeId } = options.identity;
  const watchCall = callWatcher("client", () => clock.monotonicMs());
  const telling = { watchCall, headers: traceHeaders };
  return { channel: openChannel({ address, nodeId, security, ...telling }), meeting };
}
