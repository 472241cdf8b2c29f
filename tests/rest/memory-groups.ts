import type { GroupDesk, WantedGroup } from "../../src/rest/source.ts";
import type { ThresholdView } from "../../src/sealing/threshold/threshold-view.ts";

/** Says of every register that a group makes its key, and remembers what was asked for. */
export class MemoryGroups implements GroupDesk {
  asked: (WantedGroup & { kind: "init" | "reshare" })[] = [];
  /** How a session that is begun will have ended. */
  ends: Partial<NonNullable<ThresholdView["session"]>> = { state: "finished" };

  status = (registerId: string): ThresholdView => {
    const asked = this.asked.at(-1);
    const session = { ...newSession, ...this.ends, kind: asked?.kind ?? "init" };
    return { ...newView, registerId, session: asked === undefined ? null : session };
  };
  init = (registerId: string, wanted: WantedGroup) => this.#begin("init", registerId, wanted);
  reshare = (registerId: string, wanted: WantedGroup) => this.#begin("reshare", registerId, wanted);

  async #begin(kind: "init" | "reshare", registerId: string, wanted: WantedGroup) {
    this.asked.push({ ...wanted, kind });
    return { ...newView, registerId, session: { ...newSession, kind } };
  }
}

const newSession: NonNullable<ThresholdView["session"]> = {
  epoch: 1,
  kind: "init",
  role: "proposer",
  state: "running",
  phase: "roster",
  threshold: 2,
  members: ["a", "b"],
  awaited: ["b"],
  faults: [{ validatorId: "c", code: "silent" }],
  code: null,
  message: null,
};

const newView: Omit<ThresholdView, "registerId"> = {
  mode: "single",
  threshold: 1,
  groupPublicKey: null,
  epoch: null,
  validators: [{ validatorId: "a", publicKey: "k", holdsShare: null }],
  awaitingEpoch: null,
  session: null,
};
