import { expect, test } from "bun:test";
import { spreadIn } from "./gossip-net.ts";

const seed = Number(process.env.SEED ?? 11);

test(`news reach 100 nodes within 7 rounds, each body once (weaknesses 28, 29; SEED=${seed})`, async () => {
  const shape = { nodes: 100, links: 30, loss: 0, dead: 0, transactions: 20, seed };
  const { rounds, bodies } = await spreadIn(shape);
  expect(rounds.at(-1)).toBeLessThanOrEqual(7);
  expect(bodies).toBeLessThanOrEqual(1.1);
}, 60_000);

test(`loss of 25 % and 20 % dead nodes keep it from nobody within 14 rounds (SEED=${seed})`, async () => {
  const shape = { nodes: 100, links: 30, loss: 0.25, dead: 0.2, transactions: 20, seed };
  const { rounds, bodies } = await spreadIn(shape);
  expect(rounds.at(-1)).toBeLessThanOrEqual(14);
  expect(bodies).toBeLessThanOrEqual(1.1);
}, 60_000);
