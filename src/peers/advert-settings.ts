/**
 * Which registers this node does not tell of although it holds them: the operator's word. Owns it
 * in memory and in the store; REST changes it, adverts are made by it. What is held, and who may
 * read it, is not decided here: a private register stays private whatever stands in this list.
 */
import { assert } from "../base/assert.ts";
import { sql } from "../store/sql.ts";
import { loadAdvertSettings, saveAdvertSettings } from "./advert-settings-table.ts";

let settings: Map<string, boolean> | null = null;

export async function open(): Promise<void> {
  assert(settings === null, "advert settings are opened once");
  settings = await loadAdvertSettings(sql());
}

export function close(): void {
  settings = null;
}

export function isAdvertised(registerId: string): boolean {
  return settings?.get(registerId) ?? true;
}

/** Resolves once it is stored. */
export async function setAdvertised(changes: ReadonlyMap<string, boolean>): Promise<void> {
  assert(settings !== null, "advert settings are open");
  await saveAdvertSettings(sql(), changes);
  for (const [registerId, isShown] of changes) settings?.set(registerId, isShown);
}
