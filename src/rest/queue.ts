import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";

export async function listQueue(
  call: Call<Endpoints["listQueue"]>,
): Promise<Reply<Endpoints["listQueue"]>> {
  const { state = null, registerId = null, limit, offset } = call.query;
  const { waiting, dead, transactions } = await call.source.queueDesk.list({
    ...{ limit, offset, state, registerId },
  });
  return {
    body: {
      waiting,
      dead,
      transactions: transactions.map(({ nextAttemptMs, queuedAtMs, ...row }) => ({
        ...row,
        nextAttemptAt: nextAttemptMs === 0 ? null : new Date(nextAttemptMs).toISOString(),
        queuedAt: new Date(queuedAtMs).toISOString(),
      })),
    },
  };
}

export async function retryQueued(
  call: Call<Endpoints["retryQueued"]>,
): Promise<Reply<Endpoints["retryQueued"]>> {
  await call.source.queueDesk.retry(call.params);
  return { body: call.params };
}

export async function dropQueued(
  call: Call<Endpoints["dropQueued"]>,
): Promise<Reply<Endpoints["dropQueued"]>> {
  await call.source.queueDesk.drop(call.params);
  return { body: call.params };
}
