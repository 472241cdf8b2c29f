import { type Available, topology } from "../net/node-state.ts";
import type { Answer } from "../net/ways.ts";
import { Facts } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { hrefOf } from "../router.ts";
import { bytesText, dateTimeText, grouped } from "../words/numbers.ts";

export type Details = Answer<"getRegister">;

export function HeldFacts(props: { register: Details }) {
  const { register } = props;
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
        register.description === ""
          ? null
          : { name: "Description", value: <Foreign text={register.description} max={400} /> },
      ]}
    />
  );
}

const holdersShown = 12;

export function PolicyFacts(props: { register: Details }) {
  const { policy, registerId, sourceCount } = props.register;
  const mesh = topology.value.value;
  const holders = mesh?.registers.find((one) => one.registerId === registerId)?.holders ?? [];
  return (
    <Facts
      facts={[
        { name: "Seals needed", value: `${policy.threshold} of ${policy.validators.length}` },
        { name: "Policy version", value: grouped(policy.version) },
        {
          name: "Validators",
          value: policy.validators.map((one) => (
            <div key={one.publicKey} class="fact-line">
              <Foreign text={one.validatorId} max={32} /> <Id id={one.publicKey} max={14} />
            </div>
          )),
        },
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
