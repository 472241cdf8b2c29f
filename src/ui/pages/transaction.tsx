import { useEffect, useState } from "preact/hooks";
import { call } from "../net/call.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { Icon } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { checkProof, type ProofInput, type Step } from "../proof.ts";
import { hrefOf } from "../router.ts";
import { shortId, shown, shownText } from "../words/foreign.ts";
import { bytesText, dateTimeText, grouped } from "../words/numbers.ts";

/** One transaction: its record, and the proof that its docket holds it, computed here. */
export function TransactionPage(props: { registerId: string; transactionId: string }) {
  const { registerId, transactionId } = props;
  const key = `${registerId} ${transactionId}`;
  const ask = () => readInput({ registerId, transactionId });
  const { value, error } = useResource(useOwnResource(key, ask, { isFixed: true }));
  return (
    <>
      <PageHead
        name={`Transaction ${shortId(transactionId)}`}
        title="Transaction"
        back={{ href: hrefOf(["registers", registerId]), label: "Register" }}
        note={<Id id={transactionId} max={64} hasCopy />}
      />
      {error === null ? null : <Fault message={error.message} />}
      {value === null && error === null ? <Loading lines={8} /> : null}
      {value === null ? null : (
        <>
          <TransactionFacts input={value} registerId={registerId} />
          <Record text={value.transaction.transaction} />
          <Proof input={value} />
        </>
      )}
    </>
  );
}

async function readInput(params: {
  registerId: string;
  transactionId: string;
}): Promise<ProofInput> {
  const { registerId } = params;
  const transaction = await call("getTransaction", { params });
  const { docketNumber } = transaction;
  const [docket, register] = await Promise.all([
    call("getDocket", { params: { registerId, docketNumber } }),
    call("getRegister", { params: { registerId } }),
  ]);
  return { transaction, docketText: docket.docket, validators: register.policy.validators };
}

function TransactionFacts(props: { input: ProofInput; registerId: string }) {
  const { transaction } = props.input;
  const { docketNumber } = transaction;
  const document = JSON.parse(transaction.transaction) as { createdAt: string };
  return (
    <Card title="Place">
      <Facts
        facts={[
          {
            name: "Docket",
            value: (
              <a href={hrefOf(["registers", props.registerId, "dockets", docketNumber])}>
                {grouped(docketNumber)}
              </a>
            ),
          },
          {
            name: "Place in it",
            value: `${grouped(transaction.position + 1)} of ${grouped(transaction.proof.count)}`,
          },
          { name: "Version", value: grouped(transaction.version) },
          { name: "Created", value: dateTimeText(document.createdAt) },
        ]}
      />
    </Card>
  );
}

function Record(props: { text: string }) {
  const [isDocument, setDocument] = useState(false);
  const { payloadJson } = JSON.parse(props.text) as { payloadJson: string };
  const text = isDocument ? props.text : spaced(payloadJson);
  return (
    <Card
      title={isDocument ? "Document, as it was sealed" : "Record"}
      aside={
        <span class="card-aside">
          <span>{bytesText(new TextEncoder().encode(props.text).length)}</span>
          <button type="button" class="button small" onClick={() => setDocument(!isDocument)}>
            {isDocument ? "Show the record" : "Show the document"}
          </button>
        </span>
      }
    >
      <pre class="code">
        <bdi>{shownText(text)}</bdi>
      </pre>
    </Card>
  );
}

const spacedMax = 200_000;

/** With line breaks to read by; a text that is no JSON stays as it is. */
function spaced(json: string): string {
  if (json.length > spacedMax) return json;
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

type Outcome = { kind: "busy" } | { kind: "done"; steps: Step[] } | { kind: "failed"; why: string };

function Proof(props: { input: ProofInput }) {
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
      {outcome.kind === "done" ? <Verdict steps={outcome.steps} input={input} /> : null}
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
    return { kind: "done", steps: await checkProof(input, crypto.subtle) };
  } catch (thrown) {
    return { kind: "failed", why: `The proof cannot be read: ${String(thrown)}` };
  }
}

function Verdict(props: { steps: readonly Step[]; input: ProofInput }) {
  const { steps, input } = props;
  const wrong = steps.find((step) => !step.isTrue && !step.isOpen);
  const open = steps.find((step) => step.isOpen);
  return (
    <>
      <div
        class={`verdict ${wrong === undefined ? (open === undefined ? "good" : "warn") : "bad"}`}
        role="status"
      >
        <Icon name={wrong === undefined ? "check" : "cross"} size={20} />
        <p>
          {wrong === undefined ? (
            <>
              <strong>Included.</strong> The record is number{" "}
              {grouped(input.transaction.position + 1)} of docket{" "}
              {grouped(input.transaction.docketNumber)}
              {open === undefined
                ? ", and the docket is sealed by a validator of the register’s policy."
                : ". Its seal could not be held against the policy as it is now."}
            </>
          ) : (
            <>
              <strong>Not proven.</strong> {shown(wrong.title)}: what was computed here is not what
              the node says.
            </>
          )}
        </p>
      </div>
      <ol class="proof">
        {steps.map((step, index) => (
          <li key={step.title} class="proof-step">
            <div class="proof-title">
              <span class="proof-number">{index + 1}</span>
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
        ))}
      </ol>
    </>
  );
}
