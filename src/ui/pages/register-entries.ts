import type { Available, Register, Subscription } from "../net/node-state.ts";

/** All that is known of one register: what is held, what is followed, what peers say. */
export interface RegisterEntry {
  registerId: string;
  name: string;
  register: Register | null;
  subscription: Subscription | null;
  available: Available | null;
  /** Held or followed. */
  isHere: boolean;
}

export function mergeRegisters(
  held: readonly Register[],
  known: { followed: readonly Subscription[]; told: readonly Available[] },
): RegisterEntry[] {
  const registers = byId(held);
  const followed = byId(known.followed);
  const told = byId(known.told);
  const ids = new Set([...registers.keys(), ...followed.keys(), ...told.keys()]);
  return [...ids].map((registerId) => {
    const register = registers.get(registerId) ?? null;
    const subscription = followed.get(registerId) ?? null;
    const available = told.get(registerId) ?? null;
    return {
      registerId,
      name: register?.name ?? available?.name ?? "",
      register,
      subscription,
      available,
      isHere: register !== null || subscription !== null,
    };
  });
}

function byId<T extends { registerId: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.registerId, row]));
}
