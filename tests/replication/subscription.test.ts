import { describe, expect, test } from "bun:test";
import { failuresBeforeError, Subscription } from "../../src/replication/subscription.ts";

describe("Subscription", () => {
  test("walks a full replica from Subscribing over Syncing to FullyReplicated and back", () => {
    const subscription = new Subscription("r", "FullReplica");
    expect(subscription.state).toBe("Subscribing");
    subscription.beginSync();
    expect(subscription.state).toBe("Syncing");
    subscription.caughtUp();
    expect(subscription.state).toBe("FullyReplicated");
    subscription.beginSync();
    expect(subscription.state).toBe("Syncing");
  });

  test("walks a follower from Subscribing to Active", () => {
    const subscription = new Subscription("r", "ForwardOnly");
    subscription.caughtUp();
    expect(subscription.state).toBe("Active");
  });

  test("reaches Error after the last allowed failure, and leaves it by itself", () => {
    const subscription = new Subscription("r", "FullReplica");
    for (let count = 1; count < failuresBeforeError; count += 1) {
      expect(subscription.failed()).toBe(false);
    }
    expect(subscription.failed()).toBe(true);
    expect(subscription.state).toBe("Error");
    expect(subscription.failed()).toBe(false);
    subscription.beginSync();
    expect(subscription.state).toBe("Syncing");
    subscription.caughtUp();
    expect(subscription.state).toBe("FullyReplicated");
    expect(subscription.failures).toBe(0);
  });

  test("counts failures in a row only: progress starts the count anew", () => {
    const subscription = new Subscription("r", "FullReplica");
    for (let count = 0; count < 3 * failuresBeforeError; count += 1) {
      subscription.failed();
      subscription.progressed();
    }
    expect(subscription.state).toBe("Subscribing");
  });

  test("refuses an arrow that isn't drawn", () => {
    expect(() => new Subscription("r", "ForwardOnly").beginSync()).toThrow("only a full replica");
  });

  test("from Error a follower can catch up again", () => {
    const subscription = new Subscription("r", "ForwardOnly");
    for (let count = 0; count < failuresBeforeError; count += 1) subscription.failed();
    expect(subscription.state).toBe("Error");
    subscription.caughtUp();
    expect(subscription.state).toBe("Active");
  });
});
