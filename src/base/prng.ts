/**
 * Dice. `seededDice` repeats itself for a seed (xorshift32; for simulations and tests), `dice` is
 * the machine's. Both give numbers in [0, 1); neither is for keys or nonces.
 */
export function seededDice(seed: number): () => number {
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function dice(): number {
  return Math.random();
}

/** `count` different items in random order; all of them when there are fewer. */
export function pickSome<T>(items: readonly T[], count: number, roll: () => number): T[] {
  const rest = [...items];
  const picked: T[] = [];
  while (picked.length < count && rest.length > 0) {
    const [item] = rest.splice(Math.floor(roll() * rest.length), 1);
    picked.push(item as T);
  }
  return picked;
}
