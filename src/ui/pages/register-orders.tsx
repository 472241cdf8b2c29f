import { call } from "../net/call.ts";
import { ask } from "../parts/dialog.tsx";
import type { Field } from "../parts/field-input.tsx";
import { Id } from "../parts/foreign.tsx";
import { goTo, hrefOf } from "../router.ts";
import { shortId } from "../words/foreign.ts";

export function askSubscribe(registerId: string, genesisHash: string | null = null): void {
  ask({
    title: "Subscribe",
    text: (
      <p>
        Register <Id id={registerId} max={32} /> is brought here, verified docket by docket, and
        followed from then on.
      </p>
    ),
    fields: [
      {
        name: "mode",
        label: "What to bring",
        choices: [
          {
            value: "full-replica",
            label: "Full replica:",
            hint: "everything from genesis on, to verify and to serve",
          },
          { value: "forward-only", label: "Forward only:", hint: "what is sealed from now on" },
        ],
      },
      {
        name: "genesisHash",
        label: "Genesis hash (optional)",
        value: genesisHash ?? "",
        hint: "64 hex digits from somebody you trust. It pins the history: any other is refused.",
        lengthMax: 64,
      },
      ...retentionFields,
    ],
    action: "Subscribe",
    run: async ({ mode = "", genesisHash: pinned = "", ...kept }) => {
      await call("subscribe", {
        params: { registerId },
        body: { mode, ...pinIn(pinned), ...retentionIn(kept) },
      });
      goTo(hrefOf(["registers", registerId]));
      return `Subscribed to ${shortId(registerId)}.`;
    },
  });
}

const afterPurge: Field = {
  name: "after",
  label: "And then",
  choices: [
    { value: "leave", label: "Unsubscribe:", hint: "it does not come back by itself" },
    { value: "anew", label: "Begin anew:", hint: "the subscription stays and brings it again" },
  ],
};

/** How much of the past a forward-only subscription keeps; a full replica keeps all. */
const retentionFields: readonly Field[] = [
  {
    name: "keepDockets",
    label: "Forward only: dockets to keep (optional)",
    hint: "The newest so many; what is older goes, the policy chain stays. Empty: as the node’s settings say",
    lengthMax: 13,
  },
  { name: "keepDays", label: "Forward only: days to keep (optional)", lengthMax: 5 },
];

function retentionIn({ keepDockets = "", keepDays = "" }: Record<string, string>) {
  const retention = { ...countIn("keepDockets", keepDockets), ...countIn("keepDays", keepDays) };
  return Object.keys(retention).length === 0 ? {} : { retention };
}

function countIn(name: string, text: string): Record<string, number> {
  if (text.trim() === "") return {};
  if (!/^\d+$/.test(text.trim())) throw new Error(`${text.trim()} is no whole number.`);
  return { [name]: Number(text.trim()) };
}

function pinIn(genesisHash: string) {
  return genesisHash.trim() === "" ? {} : { genesisHash: genesisHash.trim() };
}

/** For a register that nobody in sight tells of. */
export function askSubscribeById(): void {
  ask({
    title: "Subscribe by id",
    text: "For a register that is not in the list. With its genesis hash this node waits for a source of it; without one, somebody in sight must have it.",
    fields: [
      { name: "registerId", label: "Register id", isRequired: true, lengthMax: 255 },
      {
        name: "genesisHash",
        label: "Genesis hash (optional)",
        hint: "64 hex digits",
        lengthMax: 64,
      },
      {
        name: "mode",
        label: "What to bring",
        choices: [
          { value: "full-replica", label: "Full replica:", hint: "everything from genesis on" },
          { value: "forward-only", label: "Forward only:", hint: "what is sealed from now on" },
        ],
      },
      ...retentionFields,
    ],
    action: "Subscribe",
    run: async ({ registerId = "", genesisHash = "", mode = "", ...kept }) => {
      const params = { registerId: registerId.trim() };
      await call("subscribe", {
        params,
        body: { mode, ...pinIn(genesisHash), ...retentionIn(kept) },
      });
      goTo(hrefOf(["registers", params.registerId]));
      return `Subscribed to ${shortId(params.registerId)}.`;
    },
  });
}

export function askPause(registerId: string): void {
  ask({
    title: "Pause",
    text: (
      <p>
        Register <Id id={registerId} max={32} /> rests: nothing is fetched and nothing is served of
        it until it is resumed. It then goes on where it stopped.
      </p>
    ),
    action: "Pause",
    run: async () => {
      await call("pauseRegister", { params: { registerId } });
      return `${shortId(registerId)} is paused.`;
    },
  });
}

export function askResume(registerId: string): void {
  ask({
    title: "Resume",
    text: "It goes on where it stopped, and is served to others again.",
    action: "Resume",
    run: async () => {
      await call("resumeRegister", { params: { registerId } });
      return `${shortId(registerId)} goes on.`;
    },
  });
}

export function askAudit(registerId: string): void {
  ask({
    title: "Audit",
    text: "Everything stored of this register is verified again, genesis to head. The node goes on working meanwhile.",
    action: "Start the audit",
    run: async () => {
      await call("audit", { params: { registerId } });
      return "The audit is running.";
    },
  });
}

export function askRepair(registerId: string): void {
  ask({
    title: "Repair",
    text: "The register is audited, and what turns out to be damaged is fetched again from other peers.",
    action: "Start the repair",
    run: async () => {
      await call("repair", { params: { registerId } });
      return "The repair is running.";
    },
  });
}

export function askUnsubscribe(registerId: string): void {
  ask({
    title: "Unsubscribe",
    text: (
      <p>
        This node stops following <Id id={registerId} max={32} />. What is stored stays, and is
        still served to others.
      </p>
    ),
    action: "Unsubscribe",
    run: async () => {
      await call("unsubscribe", { params: { registerId }, query: { purge: false } });
      return `${shortId(registerId)} is no longer followed.`;
    },
  });
}

export function askPurge(
  registerId: string,
  stand: { isOnlyHere: boolean; isFollowed: boolean },
): void {
  ask({
    title: "Purge",
    text: (
      <p>
        Every docket of <Id id={registerId} max={32} /> is removed from this node’s store.
      </p>
    ),
    ...(stand.isOnlyHere
      ? {
          warning:
            "No other node in sight has a whole copy. What is removed here may be gone for good.",
        }
      : {}),
    fields: [
      ...(stand.isFollowed ? [afterPurge] : []),
      {
        name: "confirmation",
        label: `Type ${registerId.slice(0, 8)} to confirm`,
        mustBe: registerId.slice(0, 8),
        isRequired: true,
        lengthMax: 8,
      },
    ],
    action: "Purge",
    isDangerous: true,
    run: async ({ after }) => {
      if (after === "leave") {
        await call("unsubscribe", { params: { registerId }, query: { purge: true } });
      } else await call("purgeCache", { params: { registerId } });
      if (after !== "anew") goTo("#/registers");
      return `${shortId(registerId)} was removed${after === "anew" ? ", and comes anew" : ""}.`;
    },
  });
}
