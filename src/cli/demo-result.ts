import { grouped, printList, writeLine } from "./print.ts";

/** What the demo found out, as `--json` prints it. Times in seconds unless a name says ms. */
export interface DemoResult {
  nodes: number;
  registerId: string;
  genesisHash: string;
  /** Where the records came from. */
  source: string;
  dockets: number;
  transactions: number;
  /** Every replica was verified whole, genesis to head, hashes, links and seals. */
  verified: boolean;
  seconds: number;
  importSeconds: number;
  importTransactionsPerSecond: number;
  replicas: DemoReplica[];
  live: DemoLive;
  urls: Record<string, string>;
}

export interface DemoReplica {
  nodeId: string;
  /** Same head and same bytes as the origin, of the records and of the live ones after them. */
  equal: boolean;
  /** The peer that it pulled from. */
  sourcePeerId: string | null;
  headNumber: number;
  headHash: string;
  exportSha256: string;
  verification: string;
  /** From the subscription to the last docket stored. */
  seconds: number;
  transactionsPerSecond: number;
}

export interface DemoLive {
  records: number;
  /** Node → ms from the origin's answer (sealed and stored there) to stored at the node. */
  storedMs: Record<string, { median: number; longest: number }>;
}

/** The summary for people. */
export function printDemo(result: DemoResult): void {
  writeLine(`\nRegister ${result.registerId}, genesis ${result.genesisHash}`);
  writeLine(
    `${grouped(result.transactions)} transactions in ${grouped(result.dockets)} dockets, sealed and ` +
      `stored at a at ${grouped(Math.round(result.importTransactionsPerSecond))} a second`,
  );
  printList(result.replicas, {
    output: "table",
    empty: "",
    columns: {
      replica: (replica) => replica.nodeId,
      "pulled from": (replica) => replica.sourcePeerId ?? "–",
      dockets: (replica) => grouped(replica.headNumber + 1),
      took: (replica) => `${replica.seconds.toFixed(2)} s`,
      "transactions/s": (replica) => grouped(Math.round(replica.transactionsPerSecond)),
      "live, median": (replica) => `${storedMs(result, replica).median.toFixed(1)} ms`,
      "live, longest": (replica) => `${storedMs(result, replica).longest.toFixed(1)} ms`,
      verified: (replica) => replica.verification,
      "against a": (replica) => (replica.equal ? "equal" : "DIFFERENT"),
    },
  });
  writeLine(`live: from sealed and stored at a to stored there, ${result.live.records} records`);
  writeLine(`${result.nodes} nodes, ${result.seconds.toFixed(1)} s in all`);
}

function storedMs(result: DemoResult, replica: DemoReplica): { median: number; longest: number } {
  return result.live.storedMs[replica.nodeId] ?? { median: 0, longest: 0 };
}
