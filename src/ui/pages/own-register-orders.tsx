import { call } from "../net/call.ts";
import { ask } from "../parts/dialog.tsx";
import { goTo, hrefOf } from "../router.ts";
import { shortId } from "../words/foreign.ts";
import { thresholdIn, validatorsIn } from "./sealing-orders.tsx";

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
      {
        name: "validators",
        label: "Others that seal it with this node (optional)",
        hint: "One a line: a validator’s id and its public key, with a space between",
        isLong: true,
        lengthMax: 20_000,
      },
      {
        name: "threshold",
        label: "Signatures that a docket needs (with others)",
        lengthMax: 3,
      },
    ],
    action: "Create",
    run: async ({ name = "", description = "", isPublic, readers = "", ...sealing }) => {
      const ids = readers.split(/[\s,]+/).filter((id) => id !== "");
      const validators = validatorsIn(sealing.validators ?? "");
      const made = await call("createRegister", {
        body: {
          name,
          ...(description === "" ? {} : { description }),
          isPublic: isPublic === "true",
          ...(ids.length === 0 ? {} : { readers: ids }),
          ...(validators.length === 0 ? {} : { validators }),
          ...thresholdIn(sealing.threshold ?? ""),
        },
      });
      goTo(hrefOf(["registers", made.registerId]));
      return `Register ${shortId(made.registerId)} was created.`;
    },
  });
}

export function askSubmit(registerId: string, isOrigin: boolean): void {
  ask({
    title: "Submit a record",
    text: isOrigin
      ? "It becomes a signed transaction in the next docket. It can’t be taken back."
      : followerText,
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
      checkJson(data);
      // The text as it is: read and written again, a number of 20 digits would be another.
      const text = `{"data":${data},"wait":${isOrigin}}`;
      const sent = await call("submitTransaction", {
        params: { registerId },
        raw: { text, contentType: "application/json" },
      });
      if (sent.docketNumber === undefined) {
        goTo("#/registers?show=queue");
        return `${shortId(sent.transactionId)} waits for a docket.`;
      }
      goTo(hrefOf(["registers", registerId, "transactions", sent.transactionId]));
      return `Sealed in docket ${sent.docketNumber}.`;
    },
  });
}

const followerText =
  "It becomes a signed transaction and goes to the register’s validators. Until a docket holds " +
  "it, it waits under Registers, To be sealed. It can’t be taken back.";

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new Error("This is no JSON: a text needs quotes, names need them too.");
  }
}
