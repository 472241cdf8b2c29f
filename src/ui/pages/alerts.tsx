import type { ComponentChildren } from "preact";
import { type Health, health, registers, subscriptions, topology } from "../net/node-state.ts";
import { Card } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { Icon } from "../parts/icon.tsx";
import { useResource } from "../parts/resource-view.ts";
import { hrefOf } from "../router.ts";
import { plural } from "../words/numbers.ts";

interface Alert {
  key: string;
  tone: "bad" | "warn" | "info";
  text: ComponentChildren;
  href?: string;
  action?: string;
}

const shownMax = 8;
const ranks = { bad: 0, warn: 1, info: 2 };
const words = { bad: "Fault", warn: "Warning", info: "Notice" };

/** What needs somebody, the worst first. */
export function Alerts() {
  const report = useResource(health).value;
  const followed = useResource(subscriptions).value;
  const held = useResource(registers).value;
  const mesh = useResource(topology).value;
  if (report === null || followed === null || held === null || mesh === null) {
    return <Card title="Needs attention"> </Card>;
  }
  const all: Alert[] = [
    ...fromHealth(report),
    ...followed
      .filter((one) => one.syncState === "Error" || one.consecutiveFailures > 0)
      .map((one) => ({
        key: `sync ${one.registerId}`,
        tone: one.syncState === "Error" ? ("bad" as const) : ("warn" as const),
        text: (
          <>
            Register <Id id={one.registerId} />
            {one.syncState === "Error" ? " stopped: " : " tries again: "}
            <Foreign text={one.errorMessage ?? one.errorCode ?? "without a word"} max={240} />
          </>
        ),
        href: hrefOf(["registers", one.registerId]),
        action: "Look",
      })),
    ...fromTopology(mesh, held.length),
  ];
  const alerts = all.toSorted((left, right) => ranks[left.tone] - ranks[right.tone]);
  return (
    <Card
      title="Needs attention"
      aside={alerts.length > shownMax ? `${alerts.length} in all` : undefined}
      isFlush
    >
      {alerts.length === 0 ? (
        <p class="all-well">
          <Icon name="check" /> Nothing needs you.
        </p>
      ) : (
        <ul class="alerts">
          {alerts.slice(0, shownMax).map((alert) => (
            <li key={alert.key} class={`alert ${alert.tone}`}>
              <Icon name={alert.tone === "bad" ? "cross" : "warning"} />
              <span class="sr-only">{words[alert.tone]}: </span>
              <span class="alert-text">{alert.text}</span>
              {alert.href === undefined ? null : <a href={alert.href}>{alert.action}</a>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** Reasons as the node gives them; what it says without one is still said. */
function fromHealth(report: Health): Alert[] {
  const failed = Object.entries(report.checks).filter(([, isGood]) => !isGood);
  return [
    ...failed.map(
      ([name]): Alert => ({
        key: `check ${name}`,
        tone: "bad",
        text: `The node is not well: its ${name} does not answer.`,
      }),
    ),
    ...report.warnings.map(
      ({ code, level, message }): Alert => ({
        key: `health ${code}`,
        tone: level === "warning" ? "warn" : "info",
        text: <Foreign text={`${message}.`} max={300} />,
      }),
    ),
  ];
}

function fromTopology(mesh: NonNullable<typeof topology.value.value>, heldCount: number): Alert[] {
  const alerts: Alert[] = [];
  const isAlone = !mesh.links.length;
  if (isAlone && mesh.nodes.length > 1) {
    alerts.push({
      key: "alone",
      tone: "warn",
      text: `No peer is connected, of ${plural(mesh.nodes.length - 1, "peer")} that this node knows.`,
      href: "#/peers",
      action: "See peers",
    });
  }
  const ours = mesh.singlePoints.filter((one) => one.nodeId === mesh.nodeId);
  const theirs = mesh.singlePoints.filter((one) => one.nodeId !== mesh.nodeId);
  if (ours.length > 0 && heldCount > 0) {
    alerts.push({
      key: "only here",
      tone: "warn",
      text: `${plural(ours.length, "register")} here ${ours.length === 1 ? "has" : "have"} no other whole copy in sight: lost with this node.`,
      href: "#/topology",
      action: "See who holds what",
    });
  }
  if (theirs.length > 0) {
    alerts.push({
      key: "only there",
      tone: "warn",
      text: `${plural(theirs.length, "register")} of others ${theirs.length === 1 ? "has" : "have"} one whole copy in sight.`,
      href: "#/topology",
      action: "See who holds what",
    });
  }
  return alerts;
}
