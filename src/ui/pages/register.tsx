import { call } from "../net/call.ts";
import {
  type Available,
  available,
  registers,
  type Subscription,
  subscriptions,
  topology,
} from "../net/node-state.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Fault } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { SyncRow } from "../parts/sync-row.tsx";
import { shortId, shown } from "../words/foreign.ts";
import { verificationWords } from "../words/states.ts";
import { DocketList } from "./docket-list.tsx";
import { askImport } from "./import-order.tsx";
import { askAdvertise, askSubmit } from "./own-register-orders.tsx";
import { AdvertFacts, type Details, HeldFacts, HolderFacts } from "./register-facts.tsx";
import { Evidence, RegisterWhy } from "./register-history.tsx";
import { askPause, askPurge, askResume, askSubscribe, askUnsubscribe } from "./register-orders.tsx";
import { SealingCard } from "./sealing-card.tsx";
import { UpkeepCard } from "./upkeep-card.tsx";

/** One register: how it stands, what is in it, who has it, what can be done about it. */
export function RegisterPage(props: { registerId: string }) {
  const { registerId } = props;
  const held = useResource(registers).value;
  const isHeld = held?.some((one) => one.registerId === registerId) ?? false;
  const found = useOwnResource(`${registerId} ${isHeld}`, async () =>
    // Followed, and nothing came yet: the rest of the page still has something to show.
    isHeld ? call("getRegister", { params: { registerId } }) : null,
  );
  const { value: register, error } = useResource(found);
  const followed = useResource(subscriptions).value;
  const told = useResource(available).value;
  useResource(topology);
  const subscription = followed?.find((one) => one.registerId === registerId) ?? null;
  const advert = told?.find((one) => one.registerId === registerId) ?? null;
  const name = register?.name ?? advert?.name ?? "";
  const isKnown = register !== null || subscription !== null || advert !== null;
  return (
    <>
      <PageHead
        name={name === "" ? shortId(registerId) : shown(name, 40)}
        title={<Foreign text={name === "" ? registerId : name} max={80} />}
        back={{ href: "#/registers", label: "Registers" }}
        note={
          <>
            <Id id={registerId} max={40} hasCopy />
            {register === null ? null : <Kinds register={register} />}
          </>
        }
        actions={
          <Orders
            registerId={registerId}
            register={register}
            subscription={subscription}
            isAvailable={advert !== null}
          />
        }
      />
      {error === null ? null : <Fault message={error.message} />}
      {followed !== null && told !== null && !isKnown && error === null ? (
        <Empty icon="registers" title="This register is not here, and no peer tells of it.">
          A private one is shown to operators only: <a href="#/settings">enter a token</a>.
        </Empty>
      ) : null}
      <RegisterCards
        registerId={registerId}
        register={register}
        subscription={subscription}
        advert={advert}
      />
    </>
  );
}

function RegisterCards(props: {
  registerId: string;
  register: Details | null;
  subscription: Subscription | null;
  advert: Available | null;
}) {
  const { registerId, register, subscription, advert } = props;
  return (
    <>
      {subscription === null ? null : (
        <Card title="Replication">
          <SyncRow subscription={subscription} isAlone />
        </Card>
      )}
      {register === null && advert !== null && subscription === null ? (
        <Card title="As peers tell it">
          <AdvertFacts advert={advert} />
        </Card>
      ) : null}
      {register === null ? null : (
        <>
          <div class="split">
            <Card title="What is here">
              <HeldFacts register={register} />
            </Card>
            <Card title="Who has it">
              <HolderFacts register={register} />
            </Card>
          </div>
          <DocketList register={register} />
          <div class="split">
            <SealingCard register={register} />
            <UpkeepCard registerId={registerId} />
          </div>
        </>
      )}
      {register !== null || subscription !== null ? (
        <div class="split">
          <Card title="Why it stands so" isFlush>
            <RegisterWhy registerId={registerId} />
          </Card>
          {register === null ? null : (
            <Card title="Evidence against its validators" isFlush>
              <Evidence registerId={registerId} />
            </Card>
          )}
        </div>
      ) : null}
    </>
  );
}

function Kinds(props: { register: Details }) {
  const { register } = props;
  const verification = verificationWords(register.verification);
  return (
    <>
      <Badge tone={verification.tone} title={verification.meaning}>
        {verification.word}
      </Badge>
      <Badge tone="plain">{register.isPublic ? "public" : "private"}</Badge>
      {register.isOrigin ? <Badge tone="info">sealed here</Badge> : null}
    </>
  );
}

function Orders(props: {
  registerId: string;
  register: Details | null;
  subscription: Subscription | null;
  isAvailable: boolean;
}) {
  const { registerId, register, subscription, isAvailable } = props;
  const mesh = topology.value.value;
  const holders = mesh?.registers.find((one) => one.registerId === registerId)?.holders ?? [];
  const isFollowed = subscription !== null;
  const isOnlyHere = holders.every((holder) => holder === mesh?.nodeId);
  return (
    <>
      {register === null ? null : (
        <button type="button" class="button" onClick={() => askAdvertise(registerId)}>
          Tell peers
        </button>
      )}
      {register?.isOrigin ? (
        <button type="button" class="button" onClick={() => askImport(registerId)}>
          Import
        </button>
      ) : null}
      {register === null ? null : (
        <button
          type="button"
          class={register.isOrigin ? "button primary" : "button"}
          onClick={() => askSubmit(registerId, register.isOrigin)}
        >
          Submit record
        </button>
      )}
      {subscription !== null ? (
        <>
          {subscription.pausedAt === null ? (
            <button type="button" class="button" onClick={() => askPause(registerId)}>
              Pause
            </button>
          ) : (
            <button type="button" class="button primary" onClick={() => askResume(registerId)}>
              Resume
            </button>
          )}
          <button type="button" class="button" onClick={() => askUnsubscribe(registerId)}>
            Unsubscribe
          </button>
        </>
      ) : null}
      {isFollowed || (register !== null && !register.isOrigin) ? (
        <button
          type="button"
          class="button danger"
          onClick={() => askPurge(registerId, { isOnlyHere, isFollowed })}
        >
          Purge
        </button>
      ) : null}
      {subscription === null && !register?.isOrigin && (isAvailable || register !== null) ? (
        <button
          type="button"
          class="button primary"
          onClick={() => askSubscribe(registerId, register?.genesisHash)}
        >
          Subscribe
        </button>
      ) : null}
    </>
  );
}
