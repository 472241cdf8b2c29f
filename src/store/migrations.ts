import registers from "../../db/0001_registers.sql" with { type: "text" };
import replication from "../../db/0002_replication.sql" with { type: "text" };
import peers from "../../db/0003_peers.sql" with { type: "text" };
import events from "../../db/0004_events.sql" with { type: "text" };
import mesh from "../../db/0005_mesh.sql" with { type: "text" };
import answers from "../../db/0006_answers.sql" with { type: "text" };
import upkeep from "../../db/0007_upkeep.sql" with { type: "text" };
import pausedSubscriptions from "../../db/0008_paused_subscriptions.sql" with { type: "text" };
import certifiedPeers from "../../db/0009_certified_peers.sql" with { type: "text" };
import thresholdKeys from "../../db/0010_threshold_keys.sql" with { type: "text" };
import answersByCaller from "../../db/0011_answers_by_caller.sql" with { type: "text" };
import sealingRounds from "../../db/0012_sealing_rounds.sql" with { type: "text" };
import keySessions from "../../db/0013_key_sessions.sql" with { type: "text" };
import finerIndex from "../../db/0014_finer_index_by_docket.sql" with { type: "text" };

export interface Migration {
  /** 1, 2, 3 … without a hole. */
  number: number;
  name: string;
  text: string;
}

/** Every file of db/, in order. A released one never changes: mistakes are mended by the next. */
export const migrations: readonly Migration[] = [
  { number: 1, name: "0001_registers", text: registers },
  { number: 2, name: "0002_replication", text: replication },
  { number: 3, name: "0003_peers", text: peers },
  { number: 4, name: "0004_events", text: events },
  { number: 5, name: "0005_mesh", text: mesh },
  { number: 6, name: "0006_answers", text: answers },
  { number: 7, name: "0007_upkeep", text: upkeep },
  { number: 8, name: "0008_paused_subscriptions", text: pausedSubscriptions },
  { number: 9, name: "0009_certified_peers", text: certifiedPeers },
  { number: 10, name: "0010_threshold_keys", text: thresholdKeys },
  { number: 11, name: "0011_answers_by_caller", text: answersByCaller },
  { number: 12, name: "0012_sealing_rounds", text: sealingRounds },
  { number: 13, name: "0013_key_sessions", text: keySessions },
  { number: 14, name: "0014_finer_index_by_docket", text: finerIndex },
];
