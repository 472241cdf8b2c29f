import { hostOfConnection, limitedAs } from "../base/host.ts";
import { Allowance } from "../peers/allowance.ts";
import { book } from "../peers/book.ts";
import { answerHello } from "../peers/handshake.ts";
import type { Identity } from "../peers/identity.ts";
import * as network from "../peers/network.ts";
import { post } from "../peers/post.ts";
import { networkView } from "../replication/network-head.ts";
import * as subscriptions from "../replication/subscriptions.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { HelloRequest } from "../wire/messages.ts";
import type { Caller, Handler } from "../wire/serve.ts";
import { refuse } from "../wire/status.ts";
import { communicationHandlers } from "./communication.ts";
import { discoveryHandlers } from "./discovery.ts";
import { distributionHandlers } from "./distribution.ts";
import { docketSyncHandlers } from "./docket-sync.ts";
import { heartbeatHandlers } from "./heartbeat.ts";
import { registerSyncHandlers } from "./register-sync.ts";
import { replicationHandlers } from "./replication.ts";
import type { FollowState } from "./served.ts";

/** All that peers may ask of this node. What is not listed answers UNIMPLEMENTED. */
export function nodeHandlers(options: {
  identity: Identity;
  /** Off: only the Sorcha-compatible services. */
  replicationProtocol: boolean;
  clock: Clock;
}): Handler[] {
  const { identity, clock } = options;
  const ownRecord = () => network.ownRecord().current();
  const serve = { nodeId: identity.nodeId, subscriptionOf: followState };
  const allowance = new Allowance({
    ...limits.hellos,
    namesMax: 4_096,
    monotonicMs: () => clock.monotonicMs(),
  });
  const hello = (request: HelloRequest, caller: Caller) => {
    const observedHost = hostOfConnection(caller.address);
    if (allowance.take(limitedAs(observedHost))) {
      const known = book().get(request.nodeId);
      return answerHello(request, { identity, ownRecord, observedHost, known });
    }
    throw refuse("BUSY", { message: "This host says hello too often; later", retryAfterMs: 1_000 });
  };
  return [
    ...discoveryHandlers(network.discovery),
    ...heartbeatHandlers(network.heartbeatOptions, { clock }),
    ...communicationHandlers(post, { clock }),
    ...distributionHandlers({ ...serve, clock }),
    ...registerSyncHandlers(serve),
    ...docketSyncHandlers({ ...serve, clock, network: networkView }),
    ...(options.replicationProtocol ? replicationHandlers({ ...serve, hello }) : []),
  ];
}

function followState(registerId: string): FollowState | null {
  const status = subscriptions.subscriptionOf(registerId);
  if (status === null) return null;
  const { syncState, lastSyncAt, pausedAt } = status;
  return {
    syncState,
    isPaused: pausedAt !== null,
    lastSyncAtMs: lastSyncAt === null ? null : Date.parse(lastSyncAt),
  };
}
