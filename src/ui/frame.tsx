import type { ComponentChildren } from "preact";
import { contact, staleSinceMs } from "./net/contact.ts";
import { health } from "./net/node-state.ts";
import { isSignedIn } from "./net/session.ts";
import { Dot } from "./parts/badge.tsx";
import { DialogOutlet, Notes } from "./parts/dialog.tsx";
import { Foreign } from "./parts/foreign.tsx";
import { Icon, type IconName } from "./parts/icon.tsx";
import { nowMs } from "./parts/now.ts";
import { useResource } from "./parts/resource-view.ts";
import { place } from "./router.ts";
import { timeText } from "./words/numbers.ts";

const places: readonly { step: string; name: string; icon: IconName }[] = [
  { step: "", name: "Overview", icon: "overview" },
  { step: "topology", name: "Topology", icon: "topology" },
  { step: "peers", name: "Peers", icon: "peers" },
  { step: "registers", name: "Registers", icon: "registers" },
  { step: "events", name: "Events", icon: "events" },
  { step: "settings", name: "Settings", icon: "settings" },
];

/** What stands around every page: where one can go, and whether what is shown is of now. */
export function Frame(props: { children: ComponentChildren }) {
  const skip = () => document.querySelector<HTMLElement>("#main")?.focus();
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <Rail />
      <main id="main" class="main" tabIndex={-1}>
        <div class="main-inner">
          <StaleBanner />
          {props.children}
        </div>
      </main>
      <DialogOutlet />
      <Notes />
    </>
  );
}

function Rail() {
  const { value } = useResource(health);
  const here = place.value.steps[0] ?? "";
  return (
    <div class="rail">
      <div class="brand">
        <Mark />
        <div class="brand-text">
          <span class="brand-name">sorcha-peer</span>
          <span class="brand-node">
            {value === null ? " " : <Foreign text={value.nodeId} max={40} />}
          </span>
        </div>
      </div>
      <nav class="nav" aria-label="Pages">
        {places.map(({ step, name, icon }) => (
          <a key={step} href={`#/${step}`} aria-current={here === step ? "page" : undefined}>
            <Icon name={icon} />
            <span>{name}</span>
          </a>
        ))}
      </nav>
      <div class="rail-foot">
        <ContactLine />
        <a href="#/settings">
          {isSignedIn.value ? "Signed in with a token" : "Not signed in: looking only"}
        </a>
        <a href="/scalar" target="_blank" rel="noreferrer">
          API reference
        </a>
      </div>
    </div>
  );
}

function ContactLine() {
  switch (contact.value) {
    case "live":
      return (
        <p class="contact">
          <Dot tone="good" /> Live
        </p>
      );
    case "polling":
      return (
        <p class="contact">
          <Dot tone="warn" /> Asking every 5 s
        </p>
      );
    case "away":
      return (
        <p class="contact">
          <Dot tone="bad" /> No answer
        </p>
      );
    default:
      return (
        <p class="contact">
          <Dot tone="plain" /> Connecting …
        </p>
      );
  }
}

function StaleBanner() {
  const sinceMs = staleSinceMs.value;
  if (sinceMs === null) return null;
  return (
    <div class="banner" role="status">
      <Icon name="warning" />
      <strong>Stale since {timeText(sinceMs, nowMs.value)}.</strong>
      <span>
        The node does not answer. What you see is the last it told; it is asked again every few
        seconds.
      </span>
    </div>
  );
}

/** One node and those it knows. */
function Mark() {
  return (
    <svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="currentColor" />
      <g class="mark-lines">
        <path d="M16 12v-3M12.5 18l-3 2.5M19.5 18l3 2.5" />
        <circle cx="16" cy="16" r="4" />
      </g>
      <g class="mark-dots">
        <circle cx="16" cy="7" r="2.2" />
        <circle cx="8" cy="22" r="2.2" />
        <circle cx="24" cy="22" r="2.2" />
      </g>
    </svg>
  );
}
