import type { Docket, Leaf } from "../../dockets/types.ts";
import { call } from "../net/call.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Facts, Fault, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { type Column, Table } from "../parts/table.tsx";
import { hrefOf } from "../router.ts";
import { shortId } from "../words/foreign.ts";
import { dateTimeText, grouped, plural } from "../words/numbers.ts";

interface Entry extends Leaf {
  position: number;
  /** The beginning of the record's text. */
  preview: string;
}

/** One docket: its links, its seal, what is in it. */
export function DocketPage(props: { registerId: string; docketNumber: string }) {
  const { registerId, docketNumber } = props;
  const ask = async () => read(await call("getDocket", { params: { registerId, docketNumber } }));
  const asked = useOwnResource(`${registerId} ${docketNumber}`, ask, { isFixed: true });
  const { value, error } = useResource(asked);
  const docket = value?.docket ?? null;
  return (
    <>
      <PageHead
        name={`Docket ${docketNumber} of ${shortId(registerId)}`}
        title={<Foreign text={`Docket ${docketNumber}`} />}
        back={{ href: hrefOf(["registers", registerId]), label: "Register" }}
        note={<Id id={registerId} max={40} />}
        actions={<Steps registerId={registerId} number={Number(docketNumber)} />}
      />
      {error === null ? null : <Fault message={error.message} />}
      {docket === null && error === null ? <Loading lines={8} /> : null}
      {docket === null || value === null ? null : (
        <>
          <div class="split">
            <Card title="Header">
              <HeaderFacts docket={docket} registerId={registerId} />
            </Card>
            <Card title="Seal">
              <SealFacts docket={docket} />
            </Card>
          </div>
          <Card title={plural(docket.transactions.length, "transaction")} isFlush>
            <Table
              label="Transactions of the docket"
              rows={value.entries}
              columns={columns}
              keyOf={(entry) => entry.transactionId}
              hrefOf={(entry) =>
                hrefOf(["registers", registerId, "transactions", entry.transactionId])
              }
              empty={<Empty title="This docket seals no transaction." />}
            />
          </Card>
        </>
      )}
    </>
  );
}

const previewMax = 120;

function read(found: { docket: string; transactions: string[] }): {
  docket: Docket;
  entries: Entry[];
} {
  const docket = JSON.parse(found.docket) as Docket;
  const entries = docket.transactions.map((leaf, position) => ({
    ...leaf,
    position,
    preview: previewOf(found.transactions[position] ?? ""),
  }));
  return { docket, entries };
}

function previewOf(document: string): string {
  try {
    const { payloadJson } = JSON.parse(document) as { payloadJson?: string };
    const payload = payloadJson ?? "";
    const at = payload.indexOf('"data":');
    return (at < 0 ? payload : payload.slice(at + 7, -1)).slice(0, previewMax);
  } catch {
    return "";
  }
}

function Steps(props: { registerId: string; number: number }) {
  const to = (number: number) => hrefOf(["registers", props.registerId, "dockets", number]);
  if (!Number.isSafeInteger(props.number)) return null;
  return (
    <>
      {props.number > 0 ? (
        <a class="button" href={to(props.number - 1)}>
          Previous
        </a>
      ) : null}
      <a class="button" href={to(props.number + 1)}>
        Next
      </a>
    </>
  );
}

function HeaderFacts(props: { docket: Docket; registerId: string }) {
  const { docket, registerId } = props;
  const previous = hrefOf(["registers", registerId, "dockets", docket.docketNumber - 1]);
  return (
    <Facts
      columns={1}
      facts={[
        { name: "Hash", value: <Id id={docket.docketHash} max={44} hasCopy /> },
        {
          name: "Previous",
          value:
            docket.previousHash === "" ? (
              "none: this is the genesis"
            ) : (
              <a href={previous}>
                <Id id={docket.previousHash} max={44} />
              </a>
            ),
        },
        { name: "Merkle root", value: <Id id={docket.merkleRoot} max={44} hasCopy /> },
        { name: "Sealed at", value: dateTimeText(docket.createdAt) },
      ]}
    />
  );
}

const votesShown = 20;

function SealFacts(props: { docket: Docket }) {
  const { proposerValidatorId, proposerSignature, votes } = props.docket;
  return (
    <Facts
      columns={1}
      facts={[
        { name: "Proposed by", value: <Foreign text={proposerValidatorId} max={48} /> },
        {
          name: "Signature",
          value:
            proposerSignature === null ? (
              <Badge tone="warn">none</Badge>
            ) : (
              <>
                <Foreign text={proposerSignature.algorithm} max={20} /> by{" "}
                <Id id={proposerSignature.publicKey} max={24} />
              </>
            ),
        },
        {
          name: "Votes",
          value:
            votes.length === 0
              ? "none but the proposer’s own"
              : votes.slice(0, votesShown).map((vote) => (
                  <div key={vote.validatorId} class="fact-line">
                    <Foreign text={vote.validatorId} max={32} />
                  </div>
                )),
        },
      ]}
    />
  );
}

const columns: Column<Entry>[] = [
  {
    key: "id",
    title: "Transaction",
    share: 2,
    narrow: "main",
    cell: (entry) => <Id id={entry.transactionId} max={20} />,
  },
  {
    key: "position",
    title: "Place",
    share: 0.7,
    narrow: "side",
    isNumber: true,
    cell: (entry) => grouped(entry.position),
  },
  {
    key: "preview",
    title: "Record",
    share: 4.4,
    narrow: "sub",
    cell: (entry) => <Foreign text={entry.preview} max={100} class="mono small muted cell-name" />,
  },
];
