import { useEffect, useState } from "preact/hooks";
import { Badge } from "../parts/badge.tsx";
import { Card, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { Icon } from "../parts/icon.tsx";
import { checkProof, type Proof, type ProofInput } from "../proof/proof.ts";
import type { Step } from "../proof/step.ts";
import { shortId, shown, shownText } from "../words/foreign.ts";
import { grouped } from "../words/numbers.ts";

type Outcome = { kind: "busy" } | { kind: "done"; proof: Proof } | { kind: "failed"; why: string };

/** That a docket holds the record and is sealed by whom the register names: computed here. */
export function ProofCard(props: { input: ProofInput }) {
  const { input } = props;
  const [outcome, setOutcome] = useState<Outcome>({ kind: "busy" });
  const check = () => {
    setOutcome({ kind: "busy" });
    void outcomeOf(input).then(setOutcome);
  };
  // Checked once a transaction.
  useEffect(check, [input]);
  return (
    <Card
      title="Proof, computed in this browser"
      aside={
        <button type="button" class="button small" onClick={check}>
          Check again
        </button>
      }
    >
      {outcome.kind === "busy" ? <Loading lines={4} label="Computing" /> : null}
      {outcome.kind === "failed" ? <Fault message={outcome.why} /> : null}
      {outcome.kind === "done" ? <Found proof={outcome.proof} input={input} /> : null}
    </Card>
  );
}

async function outcomeOf(input: ProofInput): Promise<Outcome> {
  if (crypto.subtle === undefined) {
    const why =
      "Browsers compute hashes only on pages that came over HTTPS or from this machine. " +
      "On the command line, sorcha-peer verify checks the whole register.";
    return { kind: "failed", why };
  }
  try {
    return { kind: "done", proof: await checkProof(input, crypto.subtle) };
  } catch (thrown) {
    return { kind: "failed", why: `The proof cannot be read: ${String(thrown)}` };
  }
}

function Found(props: { proof: Proof; input: ProofInput }) {
  const { inclusion, seal, policy } = props.proof;
  return (
    <>
      <Verdict {...props} />
      <Steps title="The docket holds the record" steps={inclusion} />
      <Steps title="The docket is sealed" steps={seal} />
      <Steps title="Its sealers are the register’s, from the genesis docket on" steps={policy} />
    </>
  );
}

function Verdict(props: { proof: Proof; input: ProofInput }) {
  const { transaction, genesisHash } = props.input;
  const { inclusion, seal, policy } = props.proof;
  const steps = [...inclusion, ...policy, ...seal];
  const wrong = steps.find((step) => !step.isTrue && !step.isOpen);
  const isOpen = steps.some((step) => step.isOpen);
  const tone = wrong === undefined ? (isOpen ? "warn" : "good") : "bad";
  return (
    <div class={`verdict ${tone}`} role="status">
      <Icon name={wrong === undefined ? "check" : "cross"} size={20} />
      {wrong === undefined ? (
        <p>
          <strong>Included.</strong> The record is number {grouped(transaction.position + 1)} of
          docket {grouped(transaction.docketNumber)}
          {isOpen ? (
            ". Its seal could not be checked: there is none, or this browser knows it not."
          ) : (
            <>
              , and the docket is sealed as the register’s policy asks, and that follows from
              genesis <Id id={genesisHash} max={20} />. Compare that hash with one from somebody you
              trust.
            </>
          )}
        </p>
      ) : (
        <p>
          <strong>Not proven.</strong> {shown(wrong.title)}: what was computed here is not what the
          node says.
        </p>
      )}
    </div>
  );
}

const shownMax = 60;

function Steps(props: { title: string; steps: readonly Step[] }) {
  const { title, steps } = props;
  return (
    <>
      <h3 class="card-sub">{title}</h3>
      <ol class="proof">
        {steps.slice(0, shownMax).map((step, index) => (
          <ProofStep key={`${index} ${step.title}`} step={step} number={index + 1} />
        ))}
      </ol>
      {steps.length > shownMax ? (
        <p class="small muted">and {grouped(steps.length - shownMax)} more, checked as well</p>
      ) : null}
    </>
  );
}

function ProofStep(props: { step: Step; number: number }) {
  const { step, number } = props;
  return (
    <li class="proof-step">
      <div class="proof-title">
        <span class="proof-number">{number}</span>
        <Foreign text={step.title} max={120} />
        <Badge tone={step.isOpen ? "warn" : step.isTrue ? "good" : "bad"}>
          {step.isOpen ? "open" : step.isTrue ? "true" : "false"}
        </Badge>
      </div>
      <details>
        <summary>
          <span class="mono">{shortId(step.computed, 40)}</span>
        </summary>
        <Facts
          columns={1}
          facts={[
            {
              name: "From",
              value: <pre class="code tight">{shownText(step.input, 2_000)}</pre>,
            },
            { name: "Computed", value: <Id id={step.computed} isWhole /> },
            step.expected === ""
              ? null
              : { name: "Should be", value: <Id id={step.expected} isWhole /> },
          ]}
        />
      </details>
    </li>
  );
}
