import { CallError, call } from "../net/call.ts";
import type { Answer } from "../net/ways.ts";
import { ask } from "../parts/dialog.tsx";
import type { Field } from "../parts/field-input.tsx";
import { Id } from "../parts/foreign.tsx";
import { plural } from "../words/numbers.ts";

type Policy = Answer<"getRegister">["policy"];
type Threshold = Answer<"thresholdState">;

/** Who may seal and read a register from the next docket on. */
export function askPolicy(registerId: string, policy: Policy): void {
  ask({
    title: "Change the policy",
    text: (
      <p>
        This node agrees to the policy below for register <Id id={registerId} max={24} />. It is in
        force once as many validators have agreed to the very same one as the present policy asks
        for, and then for every docket after the one that holds it.
      </p>
    ),
    warning:
      "Whoever seals by the new policy alone decides on the next one. A validator that is left out can’t come back by itself.",
    fields: [
      { name: "name", label: "Name", value: policy.name, isRequired: true, lengthMax: 255 },
      {
        name: "isPublic",
        label: "Who may read it",
        value: String(policy.isPublic),
        choices: [
          { value: "true", label: "Everybody" },
          { value: "false", label: "Readers only" },
        ],
      },
      {
        name: "readers",
        label: "Readers",
        value: (policy.readers ?? []).join(" "),
        hint: "Node ids, with spaces between",
        lengthMax: 65_000,
      },
      validatorsField(policy.validators),
      thresholdField(policy.threshold),
    ],
    action: "Agree to it",
    isDangerous: true,
    run: async ({ name = "", isPublic, readers = "", validators = "", threshold = "" }) => {
      const ids = readers.split(/[\s,]+/).filter((id) => id !== "");
      const changed = await call("changePolicy", {
        params: { registerId },
        body: {
          name,
          isPublic: isPublic === "true",
          ...(ids.length === 0 && policy.readers === undefined ? {} : { readers: ids }),
          validators: validatorsIn(validators),
          ...thresholdIn(threshold),
        },
      });
      return changed.docketNumber === undefined
        ? "Agreed. It waits for the other validators."
        : `In force after docket ${changed.docketNumber}.`;
    },
  });
}

/** One key for all validators, made by them without a dealer. */
export function askGroupKey(registerId: string, state: Threshold): void {
  const isFirst = state.groupPublicKey === null;
  ask({
    title: isFirst ? "Make a group key" : "Hand the group key on",
    text: isFirst ? firstText : handOnText,
    fields: [validatorsField(state.validators), thresholdField(state.threshold)],
    action: isFirst ? "Begin" : "Hand it on",
    isDangerous: !isFirst,
    run: async ({ validators = "", threshold = "" }) => {
      const body = {
        threshold: thresholdIn(threshold).threshold ?? 1,
        validators: validatorsIn(validators),
      };
      const way = isFirst ? "initThreshold" : "reshareThreshold";
      const { session } = await call(way, { params: { registerId }, body });
      return session === null
        ? "Begun."
        : `Begun with ${plural(session.members.length, "member")}.`;
    },
  });
}

const firstText =
  "The validators make one key together, of which each has a share. Dockets then bear one " +
  "signature, however many seal. A node takes part only if its setting sealFor names this one.";
const handOnText =
  "The group’s key stays, and its shares go to the validators below, under the threshold below. " +
  "Old shares are of no use then.";

function validatorsField(validators: readonly { validatorId: string; publicKey: string }[]): Field {
  return {
    name: "validators",
    label: "Validators",
    value: validators.map((one) => `${one.validatorId} ${one.publicKey}`).join("\n"),
    hint: "One a line: its id and its public key, with a space between",
    isLong: true,
    isRequired: true,
    lengthMax: 20_000,
  };
}

function thresholdField(threshold: number): Field {
  return {
    name: "threshold",
    label: "Signatures that a docket needs",
    value: String(threshold),
    isRequired: true,
    lengthMax: 3,
  };
}

/** Throws a sentence for a line that is none. */
export function validatorsIn(text: string): { validatorId: string; publicKey: string }[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [validatorId = "", publicKey, ...more] = line.split(/\s+/);
      if (publicKey === undefined || more.length > 0) {
        throw new CallError(0, "bad-line", `"${line.slice(0, 60)}" is no id and key.`);
      }
      return { validatorId, publicKey };
    });
}

export function thresholdIn(text: string): { threshold?: number } {
  if (text.trim() === "") return {};
  if (!/^\d+$/.test(text.trim())) throw new Error(`${text.trim()} is no number of signatures.`);
  return { threshold: Number(text.trim()) };
}
