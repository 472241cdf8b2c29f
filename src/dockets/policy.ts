import { bytesOfBase64url } from "../base/bytes.ts";
import { bounds } from "./bounds.ts";
import { isId } from "./fields.ts";
import { type JsonValue, Malformed, parseStrictly } from "./json.ts";
import { memberValue, payloadMembers } from "./payload.ts";
import { algorithmOf, isPublicKey } from "./signature.ts";
import type { Policy, Validator } from "./types.ts";

/** What a payload has to do with who is believed. */
export type Control =
  | { kind: "none" }
  /** Belongs to the policy chain and changes nothing. */
  | { kind: "other" }
  | { kind: "policy"; policy: Policy }
  | { kind: "broken"; message: string };

/**
 * Reads a payload as a control transaction's. Nearly every payload is none and is told by the word
 * alone: without it, spelled out or in escapes, there can be no type `Control`.
 */
export function controlOf(payloadJson: string): Control {
  if (!payloadJson.includes("Control") && !payloadJson.includes("\\u00")) return { kind: "none" };
  const members = payloadMembers(payloadJson);
  if (members === null || memberValue(members.get("type")) !== "Control") return { kind: "none" };
  if (memberValue(members.get("control")) !== "register.policy") return { kind: "other" };
  try {
    return { kind: "policy", policy: policyOf(parseStrictly(members.get("policy") ?? "null")) };
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown;
    return { kind: "broken", message: `The register policy does not read: ${thrown.message}` };
  }
}

/** The payload of a transaction that sets a register's policy. */
export function policyPayload(policy: Policy): string {
  return `{"type":"Control","control":"register.policy","policy":${policyText(policy)}}`;
}

/** A policy's one spelling: equal policies have equal texts. */
export function policyText(policy: Policy): string {
  const { version, validators, threshold, isPublic, name, description } = policy;
  return JSON.stringify({
    version,
    validators: validators.map(({ validatorId, publicKey, algorithm }) => ({
      validatorId,
      publicKey,
      algorithm,
    })),
    threshold,
    groupPublicKey: policy.groupPublicKey,
    groupShares: policy.groupShares,
    isPublic,
    name,
    description,
    readers: policy.readers,
  });
}

/** The policy of a text that `policyText` made; throws for any other. */
export function policyFromText(text: string): Policy {
  const value = parseStrictly(text);
  // Only the policy of an unsealed register names no validators; documents cannot bring one.
  const isUnsealed = isObject(value) && Array.isArray(value.validators) && !value.validators.length;
  return policyOf(value, { isUnsealed });
}

export function isSamePolicy(left: Policy | null, right: Policy | null): boolean {
  if (left === null || right === null) return left === right;
  return left === right || policyText(left) === policyText(right);
}

/**
 * The policy of a register whose genesis carries no seal: what the document says of its name and
 * readers, and nobody to believe. No docket can be sealed under it.
 */
export function unsealedPolicy(claimed: Policy | null): Policy {
  const told: Omit<Policy, "validators" | "threshold"> = claimed ?? {
    version: 0,
    isPublic: false,
    name: "",
    description: "",
  };
  const { groupPublicKey: _key, groupShares: _shares, ...rest } = told;
  return { ...rest, validators: [], threshold: 0 };
}

export function isUnsealed(policy: Policy): boolean {
  return policy.validators.length === 0;
}

const required = ["version", "validators", "threshold", "isPublic", "name", "description"];
const optional = ["groupPublicKey", "groupShares", "readers"];

function policyOf(value: JsonValue, options = { isUnsealed: false }): Policy {
  check(isObject(value), "a policy is an object");
  checkKeys(value, { required, optional, what: "policy" });
  const { version, threshold, isPublic, name, description, readers } = value;
  check(isCount(version) && (version > 0 || options.isUnsealed), "version is a number from 1 on");
  const validators = options.isUnsealed ? [] : validatorsOf(value.validators ?? null);
  check(
    isCount(threshold) && (options.isUnsealed || threshold > 0) && threshold <= validators.length,
    "threshold is between 1 and the number of validators",
  );
  check(typeof isPublic === "boolean", "isPublic is true or false");
  check(
    isText(name, bounds.nameLength),
    `name is a text of at most ${bounds.nameLength} without U+0000`,
  );
  check(
    isText(description, bounds.descriptionLength),
    `description is a text of at most ${bounds.descriptionLength} without U+0000`,
  );
  const policy: Policy = { version, validators, threshold, isPublic, name, description };
  for (const [key, length] of [
    ["groupPublicKey", 96],
    ["groupShares", 32],
  ] as const) {
    const text = value[key];
    if (text === undefined) continue;
    const isBytes = typeof text === "string" && bytesOfBase64url(text)?.length === length;
    check(isBytes, `${key} is base64url of ${length} bytes`);
    policy[key] = text;
  }
  if (readers !== undefined) policy.readers = readersOf(readers);
  return policy;
}

function validatorsOf(value: JsonValue): Validator[] {
  check(
    Array.isArray(value) && value.length > 0 && value.length <= bounds.validators,
    `there are 1 to ${bounds.validators} validators`,
  );
  const validators = value.map(validatorOf);
  check(
    new Set(validators.map((validator) => validator.validatorId)).size === validators.length,
    "no two validators have one id",
  );
  // One key under two names would count twice towards the threshold.
  check(
    new Set(validators.map((validator) => validator.publicKey)).size === validators.length,
    "no two validators have one key",
  );
  return validators;
}

function validatorOf(value: JsonValue): Validator {
  check(isObject(value), "a validator is an object");
  const names = ["validatorId", "publicKey", "algorithm"];
  checkKeys(value, { required: names, optional: [], what: "validator" });
  const { validatorId, publicKey, algorithm } = value;
  check(typeof validatorId === "string" && isId(validatorId), "validatorId is an id");
  check(
    typeof algorithm === "string" && algorithmOf(algorithm) !== null,
    "a validator's algorithm is ED25519, NISTP256 or RSA4096",
  );
  check(typeof publicKey === "string", "publicKey is a text");
  const key = bytesOfBase64url(publicKey);
  const known = algorithmOf(algorithm);
  check(
    key !== null && known !== null && isPublicKey(known, key),
    `publicKey is base64url of a key of ${algorithm}`,
  );
  return { validatorId, publicKey, algorithm };
}

function readersOf(value: JsonValue): string[] {
  check(
    Array.isArray(value) && value.length <= bounds.readers,
    `readers is a list of at most ${bounds.readers}`,
  );
  return value.map((reader) => {
    check(typeof reader === "string" && isId(reader), "a reader is a node's id");
    return reader;
  });
}

function checkKeys(
  value: { [key: string]: JsonValue },
  keys: { required: string[]; optional: string[]; what: string },
): void {
  for (const name of keys.required) check(name in value, `a ${keys.what} has ${name}`);
  for (const name of Object.keys(value)) {
    const isKnown = keys.required.includes(name) || keys.optional.includes(name);
    check(isKnown, `a ${keys.what} has no ${name.slice(0, 64)}`);
  }
}

function check(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Malformed("schema", rule);
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Databases hold no U+0000 in a text: such a policy would be true and never stored. */
function isText(value: JsonValue | undefined, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax && !value.includes("\0");
}
