import { call } from "../net/call.ts";
import { type Peer, topology } from "../net/node-state.ts";
import { ask } from "../parts/dialog.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { goTo } from "../router.ts";
import { shown } from "../words/foreign.ts";
import { plural } from "../words/numbers.ts";
import { soleSourceOf } from "../words/states.ts";

/** Only what the orders need to know of a peer. */
type Whom = Pick<Peer, "peerId" | "isBanned" | "isConnected">;

export function askAddPeer(): void {
  ask({
    title: "Add a peer",
    text: "This node dials the address now and keeps the peer that answers there, for good.",
    fields: [
      {
        name: "address",
        label: "Address",
        hint: "HOST:PORT of its gRPC listener, for example peer.example.org:5001",
        isRequired: true,
        lengthMax: 300,
      },
    ],
    action: "Add and connect",
    run: async ({ address = "" }) => {
      const peer = await call("addPeer", { body: { address: address.trim() } });
      return `Peer ${shown(peer.peerId, 40)} was added.`;
    },
  });
}

export function askConnect(peer: Whom): void {
  ask({
    title: `Connect to ${shown(peer.peerId, 40)}`,
    text: "This node dials the peer now, whatever its back-off says.",
    action: "Connect",
    run: async () => {
      await call("connectPeer", { params: { peerId: peer.peerId } });
      return `Connected to ${shown(peer.peerId, 40)}.`;
    },
  });
}

export function askBan(peer: Whom): void {
  ask({
    title: `Ban ${shown(peer.peerId, 40)}`,
    text: "Nothing more goes to this peer and nothing is taken from it, until it is unbanned. The ban outlasts restarts.",
    warning: soleSourceWarning(peer.peerId, "Banned, it serves none of them to this node"),
    fields: [
      {
        name: "reason",
        label: "Reason",
        hint: "Kept with the ban and shown to other operators of this node",
        lengthMax: 500,
      },
    ],
    action: "Ban",
    isDangerous: true,
    run: async ({ reason = "" }) => {
      const body = reason.trim() === "" ? {} : { reason: reason.trim() };
      await call("banPeer", { params: { peerId: peer.peerId }, body });
      return `Peer ${shown(peer.peerId, 40)} is banned.`;
    },
  });
}

export function askUnban(peer: Whom): void {
  ask({
    title: `Unban ${shown(peer.peerId, 40)}`,
    text: "The ban ends now. What the peer failed before still counts.",
    action: "Unban",
    run: async () => {
      await call("unbanPeer", { params: { peerId: peer.peerId } });
      return `Peer ${shown(peer.peerId, 40)} is no longer banned.`;
    },
  });
}

export function askReset(peer: Whom): void {
  ask({
    title: `Reset ${shown(peer.peerId, 40)}`,
    text: "Its failures and its quarantine, if there is one, are forgotten.",
    action: "Reset",
    run: async () => {
      const done = await call("resetPeer", { params: { peerId: peer.peerId } });
      return `${plural(done.previousFailureCount, "failure")} forgotten.`;
    },
  });
}

export function askRemove(peer: Whom): void {
  ask({
    title: `Forget ${shown(peer.peerId, 40)}`,
    text: "Everything known of this peer is removed. It may come back when others tell of it, or when it calls; to keep it away, ban it.",
    warning: soleSourceWarning(peer.peerId, "Forgotten, it serves none of them until it is back"),
    action: "Forget",
    isDangerous: true,
    run: async () => {
      await call("removePeer", { params: { peerId: peer.peerId } });
      goTo("#/peers");
      return `Peer ${shown(peer.peerId, 40)} is forgotten.`;
    },
  });
}

const namedMax = 5;

function soleSourceWarning(peerId: string, then: string) {
  const ids = soleSourceOf(topology.value.value, peerId);
  if (ids.length === 0) return undefined;
  return (
    <>
      <strong>
        It is the only other node in sight with a whole copy of{" "}
        {ids.length === 1 ? "this register" : plural(ids.length, "register")}:
      </strong>
      <ul class="plain-list">
        {ids.slice(0, namedMax).map((id) => (
          <li key={id}>
            <Id id={id} max={24} />
          </li>
        ))}
      </ul>
      {ids.length > namedMax ? <p>and {plural(ids.length - namedMax, "other")}.</p> : null}
      <p>
        <Foreign text={`${then}.`} />
      </p>
    </>
  );
}
