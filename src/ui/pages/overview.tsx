import { useEffect, useMemo } from "preact/hooks";
import { events, type NodeEvent } from "../net/live.ts";
import {
  type Health,
  health,
  history,
  registers,
  type Sample,
  stats,
  subscriptions,
  topology,
} from "../net/node-state.ts";
import { joined, PastEvents } from "../net/past-events.ts";
import { isSignedIn, token } from "../net/session.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Fault, Loading, Tile } from "../parts/card.tsx";
import { EventList } from "../parts/event-list.tsx";
import { Foreign } from "../parts/foreign.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Plot } from "../parts/plot.tsx";
import { useResource } from "../parts/resource-view.ts";
import { SyncRow } from "../parts/sync-row.tsx";
import {
  bytesText,
  compact,
  durationText,
  grouped,
  msText,
  plural,
  secondsOfUptime,
} from "../words/numbers.ts";
import { behind } from "../words/states.ts";
import { Alerts } from "./alerts.tsx";

/** The node at a glance: is it well, what does it do, and does anything need me. */
export function OverviewPage() {
  const { value: report, error } = useResource(health);
  const samples = useResource(history).value?.samples ?? [];
  const followed = useResource(subscriptions).value;
  const latest = useLatest();
  if (report === null && error !== null) return <Fault message={error.message} />;
  const busy = (followed ?? []).filter((one) => one.syncState === "Syncing" || behind(one) > 0);
  return (
    <>
      <PageHead
        name="Overview"
        title={report === null ? "…" : <Foreign text={report.nodeId} max={60} />}
        note={report === null ? null : <StateLine report={report} />}
      />
      <Tiles samples={samples} />
      <Alerts />
      <Plots samples={samples} />
      <div class="split">
        <Card title="Coming in" aside={<a href="#/registers">All registers</a>} isFlush>
          {followed === null ? <Loading /> : null}
          {followed !== null && busy.length === 0 ? (
            <Empty
              title={
                followed.length === 0 ? "Nothing is followed yet." : "Everything followed is here."
              }
            >
              {followed.length === 0 ? (
                <a href="#/registers?show=available">See what there is to subscribe to</a>
              ) : (
                `${plural(followed.length, "register")} up to date`
              )}
            </Empty>
          ) : null}
          {busy.slice(0, 6).map((one) => (
            <SyncRow key={one.registerId} subscription={one} />
          ))}
        </Card>
        <Card title="Lately" aside={<a href="#/events">All events</a>} isFlush>
          {latest.length === 0 ? (
            <Empty title="Nothing happened since this page was opened.">
              Peers that come and go, bans and trouble with sources are told here
              {isSignedIn.value ? "." : ", those of before to operators only."}
            </Empty>
          ) : (
            <EventList events={latest} />
          )}
        </Card>
      </div>
    </>
  );
}

const latestShown = 6;

/** What happened last; what was before this page was opened, to operators only. */
function useLatest(): readonly NodeEvent[] {
  const past = useMemo(() => new PastEvents({ type: "", search: "" }), [token.value]);
  useEffect(() => {
    if (isSignedIn.value) void past.goBack();
  }, [past]);
  const live = events.value.filter((event) => event.type !== "register.head");
  return joined(live, past.state.value.events).slice(0, latestShown);
}

const doors: Record<Health["peerSecurity"]["peerAuth"], string> = {
  mtls: "peers prove themselves by certificate",
  token: "peers prove themselves by token",
  open: "any peer may call",
};

function StateLine(props: { report: Health }) {
  const { report } = props;
  const { peerSecurity } = report;
  const isWell = report.status === "healthy";
  return (
    <>
      <Badge tone={isWell ? "good" : report.status === "unhealthy" ? "bad" : "warn"}>
        {report.status}
      </Badge>
      <span>up {durationText(secondsOfUptime(report.uptime))}</span>
      <span>version {report.version}</span>
      <span>
        {doors[peerSecurity.peerAuth]}
        {peerSecurity.isEncrypted ? ", encrypted" : ", not encrypted"}
      </span>
    </>
  );
}

function Tiles(props: { samples: readonly Sample[] }) {
  const counts = useResource(stats).value?.peerStats;
  const held = useResource(registers).value;
  const followed = useResource(subscriptions).value;
  const report = useResource(health).value;
  useResource(topology);
  const last = props.samples.at(-1);
  const lag = (followed ?? []).reduce((sum, one) => sum + behind(one), 0);
  const stored = (held ?? []).reduce((sum, one) => sum + one.bytes, 0);
  const known = counts === undefined ? " " : `of ${grouped(counts.totalPeers)} known`;
  const banned = counts?.bannedPeers ? `, ${grouped(counts.bannedPeers)} banned` : "";
  return (
    <div class="tiles">
      <Tile
        name="Peers connected"
        value={counts === undefined ? "–" : grouped(counts.connectedPeers)}
        note={`${known}${banned}`}
        href="#/peers"
      />
      <Tile
        name="Registers here"
        value={held === null ? "–" : grouped(held.length)}
        note={
          followed === null ? null : `${grouped(followed.length)} followed, ${bytesText(stored)}`
        }
        href="#/registers"
      />
      <Tile
        name="Stored"
        value={last === undefined ? "–" : compact(last.transactionsPerSecond)}
        unit="records/s"
        note={last === undefined ? " " : `${bytesText(last.bytesPerSecond)}/s`}
      />
      <Tile
        name="Behind"
        value={followed === null ? "–" : compact(lag)}
        unit={lag === 1 ? "docket" : "dockets"}
        note={lag === 0 ? "up to date" : "of what peers have"}
      />
      <Tile
        name="Latency"
        value={last?.latencyMs == null ? "–" : msText(last.latencyMs)}
        note="mean of connected peers"
      />
      <Tile
        name="Processor"
        value={last === undefined ? "–" : `${Math.round(last.cpuPercent)} %`}
        note="of one core"
      />
      <Tile
        name="Memory"
        value={last === undefined ? "–" : bytesText(last.memoryMb * 2 ** 20)}
        note="resident"
      />
      <Tile
        name="To be sealed"
        value={report === null ? "–" : grouped(report.metrics.queueSize)}
        note="records waiting here"
      />
    </div>
  );
}

/** An hour, once there is one; before, what there is, and room to grow. */
const span = { leastSeconds: 600, mostSeconds: 3_600 };

function Plots(props: { samples: readonly Sample[] }) {
  const { samples } = props;
  const times = samples.map((sample) => Date.parse(sample.at) / 1_000);
  const line = (name: string, of: (sample: Sample) => number | null) => ({
    name,
    values: samples.map(of),
  });
  const seconds = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const spanSeconds = Math.min(span.mostSeconds, Math.max(span.leastSeconds, seconds));
  const shared = { times, spanSeconds };
  return (
    <div class="plots">
      <Card title="Records stored a second">
        <Plot
          {...shared}
          label="Records stored a second over the last hour"
          lines={[line("records/s", (one) => one.transactionsPerSecond)]}
          format={compact}
        />
      </Card>
      <Card title="Dockets behind">
        <Plot
          {...shared}
          label="Dockets that this node is behind over the last hour"
          lines={[line("dockets", (one) => one.lagDockets)]}
          format={compact}
        />
      </Card>
      <Card title="Latency to peers">
        <Plot
          {...shared}
          label="Mean latency to connected peers over the last hour"
          lines={[line("mean", (one) => one.latencyMs)]}
          format={(ms) => `${compact(ms)} ms`}
        />
      </Card>
      <Card title="Memory and processor">
        <Plot
          {...shared}
          label="Memory in MiB and processor in percent of one core over the last hour"
          lines={[line("MiB", (one) => one.memoryMb), line("% of a core", (one) => one.cpuPercent)]}
          format={compact}
        />
      </Card>
    </div>
  );
}
