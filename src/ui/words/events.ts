import type { NodeEvent } from "../net/live.ts";
import type { Tone } from "../parts/badge.tsx";
import { grouped, plural } from "./numbers.ts";

/** An event in a sentence; what is named in it comes beside it. */
export function eventSentence(event: NodeEvent): string {
  const { facts } = event;
  if (event.message !== "") return event.message;
  if (event.type === "register.head") {
    const count = Number(facts.transactionCount ?? 0);
    const number = grouped(Number(facts.docketNumber ?? 0));
    return count > 0
      ? `Docket ${number} stored, ${plural(count, "transaction")}`
      : `Head at docket ${number}`;
  }
  if (event.type === "subscription.changed") {
    const percent = Math.floor(Number(facts.syncProgressPercent ?? 0));
    const reason = typeof facts.errorCode === "string" ? `, ${facts.errorCode}` : "";
    return `${String(facts.syncState)}, ${percent} %${reason}`;
  }
  return event.type;
}

export function eventTone(type: string): Tone {
  if (/banned|lied|equivocation|error/.test(type) && !type.includes("unbanned")) return "bad";
  if (/^node\.degraded|caller\.refused|damaged/.test(type)) return "warn";
  if (/failed|disconnected|quarantined|suspected|rescued|declined/.test(type)) return "warn";
  if (/connected|authenticated|added|unbanned/.test(type)) return "good";
  return "info";
}

/** Kinds of events that people tell apart, and the types that the node stores of each. */
export const eventGroups = [
  { value: "peers", label: "Peers", types: ["peer.*", "caller.*"] },
  { value: "sources", label: "Sources", types: ["source.*"] },
  { value: "replication", label: "Replication", types: ["register.*", "subscription.*"] },
  { value: "dockets", label: "Dockets", types: [] },
  { value: "node", label: "Node", types: ["node.*", "pending.*"] },
] as const;

export function eventGroup(type: string): string {
  if (type === "register.head") return "dockets";
  const begins = (one: string) => type.startsWith(one.slice(0, -1));
  const found = eventGroups.find(({ types }) => types.some(begins));
  return found?.value ?? "node";
}
