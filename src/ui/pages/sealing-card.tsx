import { call } from "../net/call.ts";
import type { Answer } from "../net/ways.ts";
import { Badge, type Tone } from "../parts/badge.tsx";
import { Card, type Fact, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { grouped, plural } from "../words/numbers.ts";
import type { Details } from "./register-facts.tsx";
import { askGroupKey, askPolicy } from "./sealing-orders.tsx";

type Threshold = Answer<"thresholdState">;
type Session = NonNullable<Threshold["session"]>;

/** Who seals a register together, their key, and how the making of one gets on. */
export function SealingCard(props: { register: Details }) {
  const { registerId, policy } = props.register;
  const asked = useOwnResource(registerId, () =>
    call("thresholdState", { params: { registerId } }),
  );
  const { value: state, error } = useResource(asked);
  return (
    <Card
      title="Who seals it"
      aside={
        <>
          <button type="button" class="button small" onClick={() => askPolicy(registerId, policy)}>
            Change policy
          </button>
          {state === null || state.validators.length < 2 ? null : (
            <button
              type="button"
              class="button small"
              onClick={() => askGroupKey(registerId, state)}
            >
              {state.groupPublicKey === null ? "Make group key" : "Hand key on"}
            </button>
          )}
        </>
      }
    >
      {state === null && error === null ? <Loading lines={2} /> : null}
      {state === null && error !== null ? <Fault message={error.message} /> : null}
      {state === null ? null : <Sealers state={state} />}
      {state?.session ? <KeySession session={state.session} /> : null}
    </Card>
  );
}

const modes = {
  single: "one key",
  votes: "votes of validators",
  threshold: "one signature of the group",
};

function Sealers(props: { state: Threshold }) {
  const { state } = props;
  const ofGroup: Fact[] =
    state.groupPublicKey === null
      ? []
      : [
          { name: "Group key", value: <Id id={state.groupPublicKey} max={22} hasCopy /> },
          {
            name: "This node’s share",
            value: state.epoch === null ? "none" : `of epoch ${grouped(state.epoch)}`,
          },
        ];
  return (
    <Facts
      facts={[
        { name: "By", value: modes[state.mode] },
        { name: "Needed", value: `${state.threshold} of ${state.validators.length}` },
        {
          name: "Validators",
          value: state.validators.map((one) => (
            <div key={one.publicKey} class="fact-line">
              <Foreign text={one.validatorId} max={32} /> <Id id={one.publicKey} max={14} />
              {one.holdsShare === false ? <Badge tone="warn">no share</Badge> : null}
            </div>
          )),
        },
        ...ofGroup,
        state.awaitingEpoch === null
          ? null
          : { name: "A new key waits", value: "for a policy that names it" },
      ]}
    />
  );
}

const tones: Record<Session["state"], Tone> = {
  running: "info",
  sealing: "info",
  finished: "good",
  waiting: "warn",
  failed: "bad",
};

function KeySession(props: { session: Session }) {
  const { session } = props;
  const { faults, awaited, message } = session;
  return (
    <div class="stack tight">
      <p>
        <Badge tone={tones[session.state]}>{session.state}</Badge>{" "}
        {session.kind === "init" ? "Making a key" : "Handing the key on"}:{" "}
        <Foreign text={session.phase} max={40} />, {session.threshold} of{" "}
        {plural(session.members.length, "member")}
      </p>
      {awaited.length === 0 ? null : (
        <p class="small muted">
          Waits for <Foreign text={awaited.join(", ")} max={200} />
        </p>
      )}
      {message === null ? null : (
        <p class="small tone-bad">
          <Foreign text={message} max={300} />
        </p>
      )}
      {faults.map((fault) => (
        <p key={fault.validatorId} class="small tone-bad">
          <Foreign text={`${fault.validatorId}: ${fault.code}`} max={120} />
        </p>
      ))}
    </div>
  );
}
