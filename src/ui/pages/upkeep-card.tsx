import { call } from "../net/call.ts";
import type { Answer } from "../net/ways.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Fault, Loading } from "../parts/card.tsx";
import { Foreign } from "../parts/foreign.tsx";
import { ProgressBar } from "../parts/meter.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { dateTimeText, durationText, grouped, plural } from "../words/numbers.ts";
import { askAudit, askRepair } from "./register-orders.tsx";

type Upkeep = Answer<"auditState">;

/** Whether what is stored is still what was verified, and what brings it back. */
export function UpkeepCard(props: { registerId: string }) {
  const { registerId } = props;
  const asked = useOwnResource(registerId, () => call("auditState", { params: { registerId } }));
  const { value: upkeep, error } = useResource(asked);
  return (
    <Card
      title="Audit of what is stored"
      aside={
        <>
          <button type="button" class="button small" onClick={() => askAudit(registerId)}>
            Audit
          </button>
          <button type="button" class="button small" onClick={() => askRepair(registerId)}>
            Repair
          </button>
        </>
      }
    >
      {upkeep === null && error === null ? <Loading lines={2} /> : null}
      {upkeep === null && error !== null ? <Fault message={error.message} /> : null}
      {upkeep === null ? null : <UpkeepState upkeep={upkeep} />}
    </Card>
  );
}

const damageShown = 20;

function UpkeepState(props: { upkeep: Upkeep }) {
  const { upkeep } = props;
  return (
    <div class="stack">
      {upkeep.state === "running" ? <Running upkeep={upkeep} /> : null}
      {upkeep.state === "running" || upkeep.message === null ? null : (
        <p>
          <Foreign text={upkeep.message} max={400} />
        </p>
      )}
      <LastAudit upkeep={upkeep} />
      {upkeep.damageCount === 0 ? null : (
        <>
          <Fault message={`${plural(upkeep.damageCount, "damaged part")}; they are not served.`} />
          <ul class="plain-list">
            {upkeep.damage.slice(0, damageShown).map((one) => (
              <li key={`${one.part} ${one.firstNumber}`}>
                <span>
                  Dockets {grouped(one.firstNumber)} to {grouped(one.lastNumber)}
                </span>
                <Foreign text={`${one.part}, ${one.code}`} max={80} class="muted" />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Running(props: { upkeep: Upkeep }) {
  const { work, docketsDone, docketsTotal } = props.upkeep;
  const percent = docketsTotal === 0 ? 0 : (docketsDone / docketsTotal) * 100;
  return (
    <div class="sync-row">
      <div class="sync-top">
        <Badge tone="info">{work === "repair" ? "repairing" : "auditing"}</Badge>
        <span class="sync-count">
          {grouped(docketsDone)} of {grouped(docketsTotal)} dockets
        </span>
      </div>
      <ProgressBar percent={percent} label="Progress of the audit" />
    </div>
  );
}

function LastAudit(props: { upkeep: Upkeep }) {
  const { lastAudit } = props.upkeep;
  if (lastAudit === null) {
    return <p class="muted">It was never audited since it came here.</p>;
  }
  return (
    <p>
      <Badge tone={lastAudit.isWhole ? "good" : "bad"}>
        {lastAudit.isWhole ? "whole" : "damaged"}
      </Badge>{" "}
      <span class="muted">
        at {dateTimeText(lastAudit.finishedAt)}: {plural(lastAudit.dockets, "docket")} and{" "}
        {plural(lastAudit.transactions, "transaction")} verified again in{" "}
        {durationText(lastAudit.tookMs / 1_000)}
      </span>
    </p>
  );
}
