/** The dashboard: made into one script, one style sheet and one page, and served at `/`. */
import { render } from "preact";
import { Frame } from "./frame.tsx";
import { startLive } from "./net/live.ts";
import { takeTokenFromAddress } from "./net/session.ts";
import { DocketPage } from "./pages/docket.tsx";
import { EventsPage } from "./pages/events.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { PeerPage } from "./pages/peer.tsx";
import { PeersPage } from "./pages/peers.tsx";
import { RegisterPage } from "./pages/register.tsx";
import { RegistersPage } from "./pages/registers.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { TopologyPage } from "./pages/topology.tsx";
import { TransactionPage } from "./pages/transaction.tsx";
import { Empty } from "./parts/card.tsx";
import { startNow } from "./parts/now.ts";
import { PageHead } from "./parts/page-head.tsx";
import { place, startRouter } from "./router.ts";
import { startTheme } from "./theme.ts";

function App() {
  return (
    <Frame>
      <CurrentPage />
    </Frame>
  );
}

function CurrentPage() {
  const [page, id = "", part, item = ""] = place.value.steps;
  switch (page) {
    case undefined:
      return <OverviewPage />;
    case "topology":
      return <TopologyPage nodeId={id} />;
    case "peers":
      return id === "" ? <PeersPage /> : <PeerPage key={id} peerId={id} />;
    case "registers":
      return registerPage(id, part, item);
    case "events":
      return <EventsPage />;
    case "settings":
      return <SettingsPage />;
    default:
      return <Nowhere />;
  }
}

function registerPage(id: string, part: string | undefined, item: string) {
  if (id === "") return <RegistersPage />;
  if (part === undefined) return <RegisterPage key={id} registerId={id} />;
  const key = `${id} ${item}`;
  if (part === "dockets") return <DocketPage key={key} registerId={id} docketNumber={item} />;
  if (part === "transactions") {
    return <TransactionPage key={key} registerId={id} transactionId={item} />;
  }
  return <Nowhere />;
}

function Nowhere() {
  return (
    <>
      <PageHead title="Nothing here" name="Nothing here" />
      <Empty icon="info" title="This address leads nowhere.">
        <a href="#/">Back to the overview</a>
      </Empty>
    </>
  );
}

takeTokenFromAddress();
startRouter();
startTheme();
startLive();
void startNow();
render(<App />, document.querySelector("#app") as HTMLElement);
