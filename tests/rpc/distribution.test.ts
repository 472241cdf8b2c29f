import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PeerError } from "../../src/base/error.ts";
import { distributionHandlers } from "../../src/rpc/distribution.ts";
import { limits } from "../../src/runtime/limits.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { distribution } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { closeRpcNode, openRpcNode } from "../support/rpc-node.ts";

/** Time stands still: what a host may send is what there is of it. */
const clock = new SimClock();

onEachStore("NotifyTransaction", () => {
  let channel: Channel;

  beforeAll(async () => {
    const subscriptionOf = () => null;
    const { address } = await openRpcNode(
      distributionHandlers({ nodeId: "served", subscriptionOf, clock }),
    );
    channel = openChannel({ address, nodeId: "flood" });
  });
  afterAll(async () => {
    channel.close();
    await closeRpcNode();
  });

  test("refuses a flood about unknown registers, and soon costs its host the word", async () => {
    const tell = (registerId: string) =>
      errorOf(
        channel.unary(
          distribution.notifyTransaction,
          { registerId, transactionHash: "t", transactionSize: 1 },
          { deadlineMs: 60_000 },
        ),
      );
    const { burst, perSecond } = limits.announcements;
    const heard: Record<string, number> = {};
    for (let from = 0; from < burst + 100; from += 100) {
      const batch = Array.from({ length: 100 }, (_, at) => tell(`r${from + at}`));
      for (const error of await Promise.all(batch)) {
        const name = refusalOf(error)?.name ?? String(error);
        heard[name] = (heard[name] ?? 0) + 1;
      }
    }
    expect(heard).toEqual({ NOT_SUBSCRIBED: burst, BUSY: 100 });
    expect(((await tell("r")) as PeerError).facts.retryAfterMs).toBe(1_000);
    await clock.pass(2_000 / perSecond);
    expect(refusalOf(await tell("r"))?.name).toBe("NOT_SUBSCRIBED");
  }, 60_000);
});
