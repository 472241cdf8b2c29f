/**
 * `bun run bench [name] [options]`: one door to all benchmarks. Each measures its ceilings in the
 * same run and prints them beside what it found; without a name all of them run.
 */
const benches: Record<string, { file: string; what: string }> = {
  "catch-up": {
    file: "bench-catch-up.ts",
    what: "W1, W2, W3: a replica catches up, verified and durable, beside its ceilings",
  },
  verify: { file: "bench-verify.ts", what: "verification alone, one thread and the pool" },
  store: { file: "bench-store.ts", what: "the store alone, beside a plain COPY" },
  rest: {
    file: "bench-rest.ts",
    what: "REST at 1,000 peers and 1,000 registers, beside plain Elysia",
  },
  large: {
    file: "bench-large.ts",
    what: "P7, P8, P12: one register of 10^6 small dockets",
  },
  registers: { file: "bench-registers.ts", what: "P7: a node that follows 1,000 registers" },
  live: { file: "bench-live.ts", what: "P6: sealed at the origin, stored one to three hops away" },
  audit: { file: "bench-audit.ts", what: "P9: all that is stored verified again" },
  beside: {
    file: "bench-beside.ts",
    what: "P2: the same records by hypercore and by PostgreSQL's logical replication",
  },
  all: { file: "bench-all.ts", what: "P1 to P12, one after the other, in one table; the default" },
  rtt: { file: "bench-rtt.ts", what: "one source at the end of a long road" },
  sources: { file: "bench-sources.ts", what: "four sources against one, and a bad fourth" },
  gossip: {
    file: "bench-gossip.ts",
    what: "P10: transactions spread among 100 and 1,000 nodes, in simulation, with loss and dead",
  },
  threshold: {
    file: "bench-threshold.ts",
    what: "P11: a group's signature, 12 of 23, beside one validator's seal",
  },
  drain: {
    file: "bench-drain.ts",
    what: "10,000 transactions queued at a follower drain once its validator is back",
  },
  mesh: { file: "bench-mesh.ts", what: "25 nodes find each other; what a peer costs" },
};

const [name = "all", ...rest] = process.argv.slice(2);
const isOption = name.startsWith("--");
const bench = benches[isOption ? "all" : name];
if (bench === undefined || name === "--help") {
  console.log("bun run bench [name] [options]\n");
  for (const [key, one] of Object.entries(benches)) console.log(`  ${key.padEnd(10)} ${one.what}`);
  process.exit(name === "--help" ? 0 : 4);
}
const script = new URL(bench.file, import.meta.url).pathname;
const child = Bun.spawn([process.execPath, script, ...(isOption ? [name] : []), ...rest], {
  stdin: "ignore",
  stdout: "inherit",
  stderr: "inherit",
});
process.exit(await child.exited);
