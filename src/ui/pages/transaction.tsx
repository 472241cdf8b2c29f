import { useState } from "preact/hooks";
import { call, callForBytes } from "../net/call.ts";
import { Card, Facts, Fault, Loading } from "../parts/card.tsx";
import { Id } from "../parts/foreign.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import type { ProofInput } from "../proof/proof.ts";
import { hrefOf } from "../router.ts";
import { shortId, shownText } from "../words/foreign.ts";
import { bytesText, dateTimeText, grouped } from "../words/numbers.ts";
import { ProofCard } from "./proof-card.tsx";

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
          <ProofCard input={value} />
        </>
      )}
    </>
  );
}

/** Dockets that say who may seal are few and small; a chain of more is for the command line. */
const policyBytesMax = 32 * 2 ** 20;

async function readInput(params: {
  registerId: string;
  transactionId: string;
}): Promise<ProofInput> {
  const { registerId } = params;
  const transaction = await call("getTransaction", { params });
  const { docketNumber } = transaction;
  const [docket, register, policyFrames] = await Promise.all([
    call("getDocket", { params: { registerId, docketNumber } }),
    call("getRegister", { params: { registerId } }),
    callForBytes("pages", {
      params: { registerId },
      query: { control: true },
      bytesMax: policyBytesMax,
    }),
  ]);
  const { genesisHash } = register;
  return { transaction, docketText: docket.docket, genesisHash, policyFrames };
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
