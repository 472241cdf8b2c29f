import { useState } from "preact/hooks";
import { systemClock } from "../../runtime/clock.ts";
import { Icon } from "./icon.tsx";

const shownMs = 1_500;

export function CopyButton(props: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false);
  // Browsers give the clipboard to pages over HTTPS or on this machine only.
  if (navigator.clipboard === undefined) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(props.text);
    setDone(true);
    await systemClock.sleep(shownMs);
    setDone(false);
  };
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={isDone ? "Copied" : (props.label ?? "Copy")}
      title={isDone ? "Copied" : (props.label ?? "Copy")}
      onClick={() => void copy().catch(() => undefined)}
    >
      <Icon name={isDone ? "check" : "copy"} size={14} />
    </button>
  );
}
