/**
 * Owns what the page knows of the node: a resource a list. Pages watch what they show; the ticker
 * and the stream of events refresh what is watched. It never changes anything at the node.
 */
import { call, callWithTotal } from "./call.ts";
import { Resource } from "./resource.ts";
import type { Answer } from "./ways.ts";

export type Peer = Answer<"listPeers">[number];
export type Register = Answer<"listRegisters">[number];
export type Available = Answer<"availableRegisters">[number];
export type Subscription = Answer<"listSubscriptions">[number];
export type Topology = Answer<"topology">;
export type Health = Answer<"healthReport">;
export type Sample = Answer<"history">["samples"][number];

export const health = new Resource(() => call("healthReport"));
export const stats = new Resource(() => call("peerStats"));
export const history = new Resource(() => call("history"), { everyMs: 9_000 });
export const topology = new Resource(() => call("topology"));
export const peers = new Resource(() => everyPage("listPeers"));
export const registers = new Resource(() => everyPage("listRegisters"));
export const available = new Resource(() => everyPage("availableRegisters"));
export const subscriptions = new Resource(() => everyPage("listSubscriptions"));

/** More rows than these nobody looks through; the node's own bounds are of this size. */
const rowsMax = 5_000;
const pageRows = 1_000;

type ListName = "listPeers" | "listRegisters" | "availableRegisters" | "listSubscriptions";

async function everyPage<Name extends ListName>(name: Name): Promise<Answer<Name>> {
  const rows: unknown[] = [];
  for (let offset = 0; offset < rowsMax; offset += pageRows) {
    const { body, total } = await callWithTotal(name, { query: { limit: pageRows, offset } });
    rows.push(...body);
    if (body.length < pageRows || rows.length >= (total ?? 0)) break;
  }
  return rows as Answer<Name>;
}
