import { call } from "../net/call.ts";
import { topology } from "../net/node-state.ts";
import { isSignedIn } from "../net/session.ts";
import type { Answer } from "../net/ways.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { Icon } from "../parts/icon.tsx";
import { nowMs } from "../parts/now.ts";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { Scroll } from "../parts/scroll.tsx";
import { hrefOf } from "../router.ts";
import { shown } from "../words/foreign.ts";
import {
  agoText,
  bytesText,
  dateTimeText,
  durationText,
  grouped,
  msText,
  plural,
  timeText,
} from "../words/numbers.ts";
import { peerState } from "../words/states.ts";
import { askBan, askConnect, askRemove, askReset, askUnban } from "./peer-orders.tsx";

type Details = Answer<"getPeer">;

/** One peer: what it is, what it holds, how it did, and what can be done about it. */
export function PeerPage(props: { peerId: string }) {
  const { peerId } = props;
  const found = useOwnResource(peerId, () => call("getPeer", { params: { peerId } }));
  const { value: peer, error } = useResource(found);
  useResource(topology);
  if (peer === null || (error?.status === 404 && peer !== null)) {
    return (
      <>
        <PageHead
          name="Peer"
          title={<Foreign text={peerId} max={80} />}
          back={{ href: "#/peers", label: "Peers" }}
        />
        {error === null ? <Loading lines={6} /> : <Fault message={error.message} />}
      </>
    );
  }
  const state = peerState(peer);
  return (
    <>
      <PageHead
        name={shown(peerId, 40)}
        title={<Foreign text={peerId} max={80} />}
        back={{ href: "#/peers", label: "Peers" }}
        note={
          <>
            <Badge tone={state.tone}>{state.word}</Badge>
            {peer.isSeedNode ? <Badge tone="info">seed</Badge> : null}
            <span>{state.meaning}</span>
          </>
        }
        actions={<Orders peer={peer} />}
      />
      {peer.isBanned ? <BanNote peer={peer} /> : null}
      {peer.quarantinedUntil === null ? null : <QuarantineNote peer={peer} />}
      <div class="split">
        <Card title="What is known">
          <KnownFacts peer={peer} />
        </Card>
        <Card title="How it did">
          <QualityFacts peer={peer} />
        </Card>
      </div>
      <div class="split">
        <Card title={plural(peer.advertisedRegisterCount, "register")} isFlush>
          <Adverts peer={peer} />
        </Card>
        <Card title="Why it stands so" isFlush>
          <Why peerId={peerId} />
        </Card>
      </div>
    </>
  );
}

function Orders(props: { peer: Details }) {
  const { peer } = props;
  return (
    <>
      {peer.isBanned || peer.isConnected ? null : (
        <button type="button" class="button" onClick={() => askConnect(peer)}>
          Connect
        </button>
      )}
      <button type="button" class="button" onClick={() => askReset(peer)}>
        Reset
      </button>
      <button type="button" class="button" onClick={() => askRemove(peer)}>
        Forget
      </button>
      {peer.isBanned ? (
        <button type="button" class="button primary" onClick={() => askUnban(peer)}>
          Unban
        </button>
      ) : (
        <button type="button" class="button danger" onClick={() => askBan(peer)}>
          <Icon name="ban" size={16} /> Ban
        </button>
      )}
    </>
  );
}

function BanNote(props: { peer: Details }) {
  const { bannedAt, banReason } = props.peer;
  return (
    <div class="fault">
      <Icon name="ban" />
      <span>
        Banned {bannedAt === null ? "" : `on ${dateTimeText(bannedAt)}`}
        {banReason === null ? ", without a reason." : ": "}
        {banReason === null ? null : <Foreign text={banReason} max={500} />}
      </span>
    </div>
  );
}

function QuarantineNote(props: { peer: Details }) {
  const { quarantinedUntil, quarantineReason } = props.peer;
  return (
    <div class="fault warn">
      <Icon name="warning" />
      <span>
        Left alone until {timeText(quarantinedUntil ?? "", nowMs.value)}:{" "}
        <Foreign text={quarantineReason ?? "it served something false"} max={500} />
      </span>
    </div>
  );
}

function KnownFacts(props: { peer: Details }) {
  const { peer } = props;
  const { health } = peer;
  return (
    <Facts
      facts={[
        { name: "Address", value: <Foreign text={`${peer.address}:${peer.port}`} class="mono" /> },
        { name: "Name", value: <Id id={peer.peerId} max={28} hasCopy /> },
        { name: "First seen", value: dateTimeText(peer.firstSeen) },
        { name: "Last seen", value: agoText(peer.lastSeen, nowMs.value) },
        {
          name: "Speaks",
          value: <Foreign text={peer.supportedProtocols.join(", ") || "–"} max={200} />,
        },
        health === null ? null : { name: "Up", value: durationText(health.uptimeSeconds) },
        health === null
          ? null
          : { name: "Processor", value: `${Math.round(health.cpuUsagePercent)} % of a core` },
        health === null
          ? null
          : { name: "Memory", value: bytesText(health.memoryUsageMb * 2 ** 20) },
        health === null
          ? null
          : { name: "Its connections", value: grouped(health.activeConnections) },
      ]}
    />
  );
}

function QualityFacts(props: { peer: Details }) {
  const { peer } = props;
  const quality = peer.qualityDetails;
  return (
    <Facts
      facts={[
        {
          name: "Score",
          value: `${Math.round(peer.qualityScore)} of 100, ${peer.qualityRating.toLowerCase()}`,
        },
        { name: "Latency", value: msText(peer.averageLatencyMs) },
        {
          name: "Fastest, slowest",
          value:
            quality === null
              ? "–"
              : `${msText(quality.minLatencyMs)}, ${msText(quality.maxLatencyMs)}`,
        },
        {
          name: "Calls that went well",
          value:
            quality === null
              ? "none was made yet"
              : `${grouped(quality.successfulRequests)} of ${grouped(quality.totalRequests)}`,
        },
        { name: "Failures in a row", value: grouped(peer.failureCount) },
        { name: "Circuit", value: peer.circuit },
        { name: "Channel", value: peer.connection },
      ]}
    />
  );
}

const advertsShown = 100;

function Adverts(props: { peer: Details }) {
  const { advertisedRegisters } = props.peer;
  if (advertisedRegisters.length === 0) {
    return <Empty title="It says of no register that it has it." />;
  }
  return (
    <Scroll label="Registers of this peer">
      <ul class="rows">
        {advertisedRegisters.slice(0, advertsShown).map((advert) => (
          <li key={advert.registerId}>
            <a href={hrefOf(["registers", advert.registerId])}>
              <Id id={advert.registerId} max={22} />
            </a>
            <span class="muted small">
              <Foreign text={advert.syncState} max={24} />, docket{" "}
              {grouped(advert.latestDocketVersion)}
              {advert.isPublic ? "" : ", private"}
            </span>
          </li>
        ))}
      </ul>
    </Scroll>
  );
}

function Why(props: { peerId: string }) {
  return isSignedIn.value ? (
    <WhyList peerId={props.peerId} />
  ) : (
    <Empty icon="lock" title="What happened to a peer is for operators.">
      <a href="#/settings">Enter a token</a>
    </Empty>
  );
}

function WhyList(props: { peerId: string }) {
  const { peerId } = props;
  const asked = useOwnResource(peerId, () => call("whyPeer", { params: { peerId } }));
  const { value: why, error } = useResource(asked);
  if (why === null) return error === null ? <Loading /> : <Fault message={error.message} />;
  if (why.events.length === 0) return <Empty title="Nothing worth noting happened yet." />;
  return (
    <Scroll label="What happened to this peer">
      <ol class="timeline">
        {why.events.map((event) => (
          <li key={`${event.at} ${event.type}`}>
            <time class="muted" dateTime={event.lastAt}>
              {timeText(event.lastAt, nowMs.value)}
            </time>
            <span>
              <Foreign text={event.message} max={400} />
              {event.count > 1 ? <span class="muted"> × {grouped(event.count)}</span> : null}
              {event.expiresAt === null ? null : (
                <span class="muted"> until {timeText(event.expiresAt, nowMs.value)}</span>
              )}
            </span>
            <span class="muted nowrap">{scoreChange(event.scoreBefore, event.scoreAfter)}</span>
          </li>
        ))}
      </ol>
    </Scroll>
  );
}

function scoreChange(before: number | null, after: number | null): string {
  if (after === null) return "";
  if (before === null || Math.round(before) === Math.round(after)) return `${Math.round(after)}`;
  return `${Math.round(before)} → ${Math.round(after)}`;
}
