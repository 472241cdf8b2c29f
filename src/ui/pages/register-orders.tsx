import { call } from "../net/call.ts";
import { ask } from "../parts/dialog.tsx";
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
    ],
    action: "Subscribe",
    run: async ({ mode = "", genesisHash: pinned = "" }) => {
      const body = { mode, ...(pinned.trim() === "" ? {} : { genesisHash: pinned.trim() }) };
      await call("subscribe", { params: { registerId }, body });
      goTo(hrefOf(["registers", registerId]));
      return `Subscribed to ${shortId(registerId)}.`;
    },
  });
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
    ],
    action: "Subscribe",
    run: async ({ registerId = "", genesisHash = "", mode = "" }) => {
      const params = { registerId: registerId.trim() };
      const pin = genesisHash.trim();
      await call("subscribe", {
        params,
        body: { mode, ...(pin === "" ? {} : { genesisHash: pin }) },
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

export function askPurge(registerId: string, onlyHere: boolean): void {
  ask({
    title: "Unsubscribe and purge",
    text: (
      <p>
        This node stops following <Id id={registerId} max={32} /> and removes every docket of it
        from its store. A later subscription starts over.
      </p>
    ),
    ...(onlyHere
      ? {
          warning:
            "No other node in sight has a whole copy. What is removed here may be gone for good.",
        }
      : {}),
    fields: [
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
    run: async () => {
      await call("unsubscribe", { params: { registerId }, query: { purge: true } });
      goTo("#/registers");
      return `${shortId(registerId)} was removed.`;
    },
  });
}

export function askAdvertise(registerId: string): void {
  ask({
    title: "Tell peers of it",
    text: "Whether this node says to peers that it holds the register. A private register is told to its readers only, whatever is chosen.",
    fields: [
      {
        name: "isPublic",
        label: "Peers",
        choices: [
          { value: "true", label: "hear of it", hint: "and may pull it from here" },
          { value: "false", label: "hear nothing of it", hint: "from this node" },
        ],
      },
    ],
    action: "Save",
    run: async ({ isPublic }) => {
      const body = { isPublic: isPublic === "true" };
      await call("advertise", { params: { registerId }, body });
      return body.isPublic ? "Peers will hear of it." : "Peers will no longer hear of it.";
    },
  });
}

export function askCreate(): void {
  ask({
    title: "Create a register",
    text: "A ledger that this node seals with its own key. Its first docket holds the policy: who may seal, and who may read.",
    fields: [
      { name: "name", label: "Name", isRequired: true, lengthMax: 255 },
      { name: "description", label: "Description (optional)", isLong: true, lengthMax: 2_000 },
      {
        name: "isPublic",
        label: "Who may read it",
        choices: [
          { value: "true", label: "Everybody" },
          {
            value: "false",
            label: "Readers only:",
            hint: "peers named below, and this node's operators",
          },
        ],
      },
      {
        name: "readers",
        label: "Readers (optional)",
        hint: "Node ids, with spaces between",
        lengthMax: 4_000,
      },
    ],
    action: "Create",
    run: async ({ name = "", description = "", isPublic, readers = "" }) => {
      const ids = readers.split(/[\s,]+/).filter((id) => id !== "");
      const made = await call("createRegister", {
        body: {
          name,
          ...(description === "" ? {} : { description }),
          isPublic: isPublic === "true",
          ...(ids.length === 0 ? {} : { readers: ids }),
        },
      });
      goTo(hrefOf(["registers", made.registerId]));
      return `Register ${shortId(made.registerId)} was created.`;
    },
  });
}

export function askSubmit(registerId: string): void {
  ask({
    title: "Submit a record",
    text: "It becomes a signed transaction in the next docket. It cannot be taken back.",
    fields: [
      {
        name: "data",
        label: "Record, as JSON",
        isLong: true,
        isRequired: true,
        lengthMax: 100_000,
      },
    ],
    action: "Submit",
    run: async ({ data = "" }) => {
      const sent = await call("submitTransaction", {
        params: { registerId },
        body: { data: parsed(data), wait: true },
      });
      goTo(hrefOf(["registers", registerId, "transactions", sent.transactionId]));
      return `Sealed in docket ${sent.docketNumber ?? "to come"}.`;
    },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This is no JSON: a text needs quotes, names need them too.");
  }
}
