/**
 * Owns where every register of this node stands: its row and the anchor its next docket must fit
 * on, in memory. Loaded when opened; moved by `append.ts` after each commit and by `purge.ts`; read
 * by everyone. The table is the truth, this is its mirror: it never runs ahead of a commit.
 */
import { assert } from "../base/assert.ts";
import type { Anchor } from "../dockets/types.ts";
import { sql } from "../store/sql.ts";
import { anchorOfRow, listRegisterRows, type RegisterRow } from "./registers-table.ts";

/** A register as it is held here, and what its next docket must fit on. */
export type RegisterState = Readonly<RegisterRow> & { readonly anchor: Anchor };

let states: Map<string, RegisterState> | null = null;

export async function open(): Promise<void> {
  assert(states === null, "heads are opened once");
  const rows = await listRegisterRows(sql());
  states = new Map(rows.map((row) => [row.registerId, { ...row, anchor: anchorOfRow(row) }]));
}

export function close(): void {
  states = null;
}

/** Null for a register of which nothing is held. */
export function anchorOf(registerId: string): Anchor | null {
  return opened().get(registerId)?.anchor ?? null;
}

export function registerOf(registerId: string): RegisterState | null {
  return opened().get(registerId) ?? null;
}

/** In order of register id. */
export function listRegisters(): RegisterState[] {
  return [...opened().values()].sort((a, b) => (a.registerId < b.registerId ? -1 : 1));
}

/** For `append.ts` alone: what was committed. */
export function setHead(row: RegisterRow): void {
  opened().set(row.registerId, { ...row, anchor: anchorOfRow(row) });
}

/** For `purge.ts`, and for `append.ts` where the table has no such register. */
export function forgetRegister(registerId: string): void {
  opened().delete(registerId);
}

function opened(): Map<string, RegisterState> {
  assert(states !== null, "heads are open");
  return states;
}
