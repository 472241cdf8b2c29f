import type { Subscription } from "../net/node-state.ts";
import { hrefOf } from "../router.ts";
import { grouped } from "../words/numbers.ts";
import { behind, limitingStage, syncPace, syncState } from "../words/states.ts";
import { Badge } from "./badge.tsx";
import { Foreign, Id } from "./foreign.tsx";
import { ProgressBar } from "./meter.tsx";

/** A register on its way here: how far, how fast, how long still, and what it waits for. */
export function SyncRow(props: { subscription: Subscription; isAlone?: boolean }) {
  const { subscription, isAlone = false } = props;
  const { registerId, totalDocketsInChain, sourcePeerId } = subscription;
  const state = syncState(subscription);
  const stage = limitingStage(subscription);
  const held = (subscription.lastSyncedDocketVersion ?? -1) + 1;
  const total = Math.max(held, totalDocketsInChain);
  const percent = total === 0 ? 0 : (held / total) * 100;
  return (
    <div class="sync-row">
      <div class="sync-top">
        {isAlone ? null : (
          <a href={hrefOf(["registers", registerId])}>
            <Id id={registerId} max={20} />
          </a>
        )}
        <Badge tone={state.tone} title={state.meaning}>
          {state.word}
        </Badge>
        <span class="sync-count">
          {grouped(held)} of {grouped(total)} dockets
        </span>
      </div>
      <ProgressBar
        percent={percent}
        label={`Progress of ${registerId}`}
        tone={state.tone === "bad" ? "bad" : state.tone === "warn" ? "warn" : "good"}
      />
      <p class="small muted">
        {[
          syncPace(subscription),
          sourcePeerId === null ? "no source yet" : `from ${sourcePeerId}`,
          stage === null || behind(subscription) === 0 ? null : `limited by ${stage}`,
        ]
          .filter((text) => text !== null)
          .map((text, index) => (
            <span key={text}>
              {index === 0 ? "" : " · "}
              <Foreign text={text} max={160} />
            </span>
          ))}
      </p>
      {subscription.errorMessage === null ? null : (
        <p class="small tone-bad">
          <Foreign text={subscription.errorMessage} max={400} />
        </p>
      )}
    </div>
  );
}
