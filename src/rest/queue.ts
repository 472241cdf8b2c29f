import { PeerError } from "../base/error.ts";
import type { QueuedRow } from "../sealing/queued-table.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { ReplyOf } from "./endpoint.ts";
import { heldRegister } from "./visible.ts";

type Status = ReplyOf<Endpoints["transactionStatus"]>;

/** What became of a transaction, from the moment it was submitted on. */
export async function transactionStatus(
  call: Call<Endpoints["transactionStatus"]>,
): Promise<Reply<Endpoints["transactionStatus"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  const wanted = { registerId, transactionId: call.params.transactionId };
  // Asked first: what leaves the queue meanwhile is found in its docket.
  const { queued, isPending } = await call.source.queueDesk.find(wanted);
  const sealed = await call.source.findTransaction(wanted);
  if (sealed !== null) {
    const { docketNumber } = sealed;
    const message = `Sealed in docket ${docketNumber}`;
    return { body: { ...wanted, status: "sealed", docketNumber, message } };
  }
  if (queued !== null) return { body: { ...wanted, ...queuedStatus(queued) } };
  if (isPending) {
    const message = "Told by a peer; it waits for the docket of a validator";
    return { body: { ...wanted, status: "pending", message } };
  }
  throw new PeerError("not-found", "unknown-transaction", {
    message: `Transaction ${wanted.transactionId} is neither in the register here nor on its way`,
    facts: wanted,
  });
}

function queuedStatus(queued: QueuedRow): Pick<Status, "status" | "message"> & Partial<Status> {
  const { state, attempts, lastError } = queued;
  const facts = { attempts, lastError, ...timesOf(queued) };
  const times = `${attempts} ${attempts === 1 ? "time" : "times"}`;
  if (state === "dead") {
    const message = `A dead letter: given to validators ${times} and not sealed; retry or drop it`;
    return { status: "dead", ...facts, message };
  }
  const tried = attempts === 0 ? "" : `; validators had it ${times} and did not seal it yet`;
  return { status: "queued", ...facts, message: `Kept here until a docket holds it${tried}` };
}

function timesOf(row: QueuedRow): { nextAttemptAt: string | null; queuedAt: string } {
  const { nextAttemptMs, queuedAtMs } = row;
  return {
    nextAttemptAt: nextAttemptMs === 0 ? null : new Date(nextAttemptMs).toISOString(),
    queuedAt: new Date(queuedAtMs).toISOString(),
  };
}

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
      transactions: transactions.map((row) => {
        const { nextAttemptMs: _, queuedAtMs: __, ...rest } = row;
        return { ...rest, ...timesOf(row) };
      }),
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
