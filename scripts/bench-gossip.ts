/**
 * P10: how many rounds a transaction takes to every living node, and how many bodies arrive, among
 * nodes made of the production gossip on simulated time. A round is 500 ms: telling, asking and
 * getting over a long road. Options: --runs N (seeds a shape; default 20 of 100 nodes, 5 of 1,000),
 * --json.
 */
import { spreadIn } from "../tests/sim/gossip-net.ts";

const words = process.argv.slice(2);
const isJson = words.includes("--json");
const asked = Number(words[words.indexOf("--runs") + 1]) || null;

const shapes = [
  { nodes: 100, links: 30, loss: 0, dead: 0, transactions: 100, target: 7 },
  { nodes: 1_000, links: 40, loss: 0, dead: 0, transactions: 20, target: 10 },
  { nodes: 100, links: 30, loss: 0.25, dead: 0.2, transactions: 100, target: 14 },
  { nodes: 1_000, links: 40, loss: 0.25, dead: 0.2, transactions: 20, target: 14 },
];

const results = [];
for (const { target, ...shape } of shapes) {
  const runs = asked ?? (shape.nodes < 1_000 ? 20 : 5);
  const rounds: number[] = [];
  let bodies = 0;
  let ids = 0;
  for (let seed = 1; seed <= runs; seed += 1) {
    const spread = await spreadIn({ ...shape, seed });
    rounds.push(...spread.rounds);
    bodies += spread.bodies / runs;
    ids += spread.ids / runs;
  }
  rounds.sort((left, right) => left - right);
  const at = (share: number) => round(rounds[Math.ceil(share * rounds.length) - 1] ?? Number.NaN);
  const measured = { p50: at(0.5), p99: at(0.99), longest: at(1), target };
  const result = { ...shape, runs, ...measured, bodies: round(bodies), ids: round(ids) };
  results.push(result);
  if (isJson) continue;
  const faults = shape.loss === 0 ? "no faults" : "25 % of calls lost, 20 % of nodes dead";
  console.log(
    `${shape.nodes} nodes, ${faults}, ${runs} seeds, ${rounds.length} transactions: all know in ` +
      `${result.p50} rounds (p50), ${result.p99} (p99, wanted ${target}), ${result.longest} (longest); ` +
      `${result.bodies} bodies and ${result.ids} announced ids a node`,
  );
}
if (isJson) console.log(JSON.stringify({ bench: "gossip", results }));

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
