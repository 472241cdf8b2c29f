import { call } from "../net/call.ts";
import { isSignedIn } from "../net/session.ts";
import { Empty, Loading } from "../parts/card.tsx";
import { Foreign, Id } from "../parts/foreign.tsx";
import { nowMs } from "../parts/now.ts";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { Scroll } from "../parts/scroll.tsx";
import { hrefOf } from "../router.ts";
import { grouped, timeText } from "../words/numbers.ts";

export function RegisterWhy(props: { registerId: string }) {
  return isSignedIn.value ? (
    <WhyList registerId={props.registerId} />
  ) : (
    <Empty icon="lock" title="What happened to a register is for operators.">
      <a href="#/settings">Enter a token</a>
    </Empty>
  );
}

function WhyList(props: { registerId: string }) {
  const { registerId } = props;
  const asked = useOwnResource(registerId, () => call("whyRegister", { params: { registerId } }));
  const { value: why, error } = useResource(asked);
  if (why === null) return error === null ? <Loading /> : <Empty title={error.message} />;
  if (why.events.length === 0) return <Empty title="Nothing stood in its way so far." />;
  return (
    <Scroll label="What happened to this register">
      <ol class="timeline">
        {why.events.map((event) => (
          <li key={`${event.at} ${event.type} ${event.message}`}>
            <time class="muted" dateTime={event.at}>
              {timeText(event.at, nowMs.value)}
            </time>
            <Foreign text={event.message} max={400} />
            {event.peerId === null ? (
              <span />
            ) : (
              <a href={hrefOf(["peers", event.peerId])}>
                <Foreign text={event.peerId} max={20} />
              </a>
            )}
          </li>
        ))}
      </ol>
    </Scroll>
  );
}

export function Evidence(props: { registerId: string }) {
  const { registerId } = props;
  const asked = useOwnResource(registerId, () => call("listEvidence", { params: { registerId } }));
  const { value: found, error } = useResource(asked);
  if (found === null) return error === null ? <Loading /> : <Empty title={error.message} />;
  if (found.length === 0) {
    return (
      <Empty icon="check" title="None.">
        No two sealed dockets that contradict each other were seen.
      </Empty>
    );
  }
  return (
    <Scroll label="Evidence">
      <ol class="timeline">
        {found.map((one) => (
          <li key={one.docketNumber}>
            <time class="muted" dateTime={one.foundAt}>
              {timeText(one.foundAt, nowMs.value)}
            </time>
            <span>
              Docket {grouped(one.docketNumber)} was sealed {one.docketHashes.length} times:{" "}
              {one.docketHashes.map((hash) => (
                <Id key={hash} id={hash} max={16} />
              ))}
            </span>
            <span />
          </li>
        ))}
      </ol>
    </Scroll>
  );
}
