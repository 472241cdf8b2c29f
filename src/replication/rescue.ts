/**
 * What a supervisor can do about a register that does not get on. Owns the memory of which peers
 * were connected to anew lately; called by `subscriptions.ts` and `node.ts`, never stores anything.
 */
import { LRUCache } from "lru-cache";
import { messageOf } from "../base/error.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import { recordOf } from "../peers/messages.ts";
import { mesh } from "../peers/network.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { discovery } from "../wire/services.ts";
import { isWaiting } from "./budgets.ts";
import type { Happening } from "./judge.ts";
import type { RegisterLoop } from "./register-loop.ts";
import { type Step, Supervisor } from "./supervisor.ts";

const log = logFor("replication");
const askMs = 5_000;

/** A new connection for one register is new for all others of that peer, too. */
const reconnected = new LRUCache<string, true>({ max: limits.peers, ttl: 40_000 });

/**
 * Drops the connection to a peer, with whatever hangs on it, and says hello anew. Not again soon:
 * of a thousand registers that wait for one peer, each would take the others' streams away.
 */
export function reconnect(peerId: string): void {
  if (reconnected.has(peerId)) return;
  reconnected.set(peerId, true);
  channels().drop(peerId);
  mesh().dialSoon(peerId);
}

/** Asks every connected peer who holds the register. What they say is hearsay, as always. */
export async function rediscover(registerId: string, nodeId: string): Promise<void> {
  const asked = book().connected().slice(0, limits.exchangePeers);
  await Promise.all(
    asked.map(async (peer) => {
      try {
        const found = await channels().to(peer).unary(
          discovery.findPeersForRegister,
          {
            registerId,
            requestingPeerId: nodeId,
            requireFullReplica: false,
            maxPeers: limits.exchangePeers,
          },
          { deadlineMs: askMs },
        );
        mesh().hear(found.peers.map(recordOf), peer.host);
      } catch (error) {
        log.debug({ registerId, peerId: peer.peerId, err: messageOf(error) }, "Nobody named");
      }
    }),
  );
}

/** Keeps a register's loop under a supervisor until the signal aborts. */
export function supervise(
  loop: RegisterLoop,
  options: {
    registerId: string;
    tell: (happening: Happening) => void;
    reconnect: (peerId: string) => void;
    rediscover: (registerId: string) => void;
    clock: Clock;
    signal: AbortSignal;
  },
): void {
  const { registerId } = options;
  function act(step: Step): void {
    const { sourcePeerId } = loop.view;
    log.warn({ registerId, step, peerId: sourcePeerId }, "A register does not get on");
    if (step === "restart") {
      loop.restart();
      return;
    }
    if (step === "re-handshake" && sourcePeerId !== null) options.reconnect(sourcePeerId);
    if (step === "re-discover") options.rediscover(registerId);
    loop.askAgain({ restMs: step === "re-request" ? 0 : restMs });
  }
  const look = () => {
    const seen = loop.look();
    return { ...seen, isBehind: seen.isBehind && !isWaiting(registerId) };
  };
  const supervisor = new Supervisor({ ...options, look, act });
  void supervisor.run(options.signal);
}

/** A source that gave nothing is not asked again for this long, if there are others. */
const restMs = 10_000;
