import { type Available, topology } from "../net/node-state.ts";
import type { Answer } from "../net/ways.ts";
import { Facts } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { hrefOf } from "../router.ts";
import { bytesText, dateTimeText, grouped, plural } from "../words/numbers.ts";

export type Details = Answer<"getRegister">;

export function HeldFacts(props: { register: Details }) {
  const { register } = props;
  const retention = retentionText(register.subscription?.retention ?? null);
  return (
    <Facts
      facts={[
        {
          name: "Dockets",
          value: `${grouped(register.firstDocketNumber)} to ${grouped(register.headDocketNumber)}`,
        },
        { name: "Transactions", value: grouped(register.transactionCount) },
        { name: "Size", value: bytesText(register.bytes) },
        { name: "Newest docket", value: dateTimeText(register.headTime) },
        { name: "Head hash", value: <Id id={register.headDocketHash} max={22} hasCopy /> },
        { name: "Genesis hash", value: <Id id={register.genesisHash} max={22} hasCopy /> },
        { name: "Created", value: dateTimeText(register.createdAt) },
        { name: "Policy version", value: grouped(register.policy.version) },
        retention === null ? null : { name: "Keeps", value: retention },
        register.description === ""
          ? null
          : { name: "Description", value: <Foreign text={register.description} max={400} /> },
      ]}
    />
  );
}

type Retention = NonNullable<Details["subscription"]>["retention"];

function retentionText(retention: Retention): string | null {
  if (retention === null) return null;
  const { keepDockets, keepDays } = retention;
  return [
    keepDockets === null ? null : `the newest ${plural(keepDockets, "docket")}`,
    keepDays === null ? null : `what is younger than ${plural(keepDays, "day")}`,
  ]
    .filter((text) => text !== null)
    .join(" and ");
}

const holdersShown = 12;

export function HolderFacts(props: { register: Details }) {
  const { registerId, sourceCount, isPublic, isAdvertised, policy } = props.register;
  const mesh = topology.value.value;
  const holders = mesh?.registers.find((one) => one.registerId === registerId)?.holders ?? [];
  const hears = isPublic ? "everybody" : "its readers";
  const readers = policy.readers ?? [];
  return (
    <Facts
      facts={[
        { name: "Hears of it from here", value: isAdvertised ? hears : "nobody" },
        readers.length === 0
          ? null
          : { name: "Readers", value: <Foreign text={readers.join(", ")} max={200} /> },
        { name: "Peers that tell of it", value: grouped(sourceCount) },
        {
          name: "Whole copies in sight",
          value:
            holders.length === 0
              ? "none"
              : holders.slice(0, holdersShown).map((holder) => (
                  <div key={holder} class="fact-line">
                    <a href={hrefOf(["topology", holder])}>
                      <Foreign text={holder} max={32} />
                    </a>
                    {holder === mesh?.nodeId ? <span class="muted"> this node</span> : null}
                  </div>
                )),
        },
      ]}
    />
  );
}

export function AdvertFacts(props: { advert: Available }) {
  const { advert } = props;
  return (
    <Facts
      facts={[
        { name: "Newest docket", value: grouped(advert.latestDocketVersion) },
        { name: "Transactions", value: grouped(advert.latestVersion) },
        { name: "Peers", value: grouped(advert.peerCount) },
        { name: "Whole copies", value: grouped(advert.fullReplicaPeerCount) },
        {
          name: "Genesis hash, as told",
          value:
            advert.genesisHash === null ? "–" : <Id id={advert.genesisHash} max={22} hasCopy />,
        },
        { name: "Description", value: <Foreign text={advert.description ?? "–"} max={400} /> },
      ]}
    />
  );
}
