import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { UpkeepJson } from "./schemas.ts";
import type { UpkeepView } from "./source.ts";
import { heldRegister } from "./visible.ts";

export function auditState(call: Call<Endpoints["auditState"]>): Reply<Endpoints["auditState"]> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: toJson(call.source.upkeepOf(registerId)) };
}

export async function audit(call: Call<Endpoints["audit"]>): Promise<Reply<Endpoints["audit"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: toJson(await call.source.beginUpkeep(registerId, "audit")) };
}

export async function repair(call: Call<Endpoints["repair"]>): Promise<Reply<Endpoints["repair"]>> {
  const { registerId } = heldRegister(call, call.params.registerId);
  return { body: toJson(await call.source.beginUpkeep(registerId, "repair")) };
}

/** What an operator sees of it; of much damage the lowest dockets. */
export function toJson(view: UpkeepView): UpkeepJson {
  const { startedAtMs, lastAudit, damage, ...rest } = view;
  return {
    ...rest,
    startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    lastAudit:
      lastAudit === null
        ? null
        : {
            finishedAt: new Date(lastAudit.finishedAtMs).toISOString(),
            tookMs: lastAudit.tookMs,
            dockets: lastAudit.dockets,
            transactions: lastAudit.transactions,
            isWhole: lastAudit.isWhole,
            unjudgedFrom: lastAudit.unjudgedFrom,
          },
    damageCount: damage.length,
    damage: damage.slice(0, damageShown).map((one) => ({ ...one })),
  };
}

const damageShown = 100;
