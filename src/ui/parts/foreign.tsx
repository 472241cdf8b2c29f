import { shortId, shown } from "../words/foreign.ts";
import { CopyButton } from "./copy-button.tsx";

/** Text of strangers within ours: cut, its controls made visible, its direction kept to itself. */
export function Foreign(props: { text: string; max?: number; class?: string }) {
  const { text, max = 120 } = props;
  const cut = shown(text, max);
  const whole = text.length > max ? shown(text, 1_000) : undefined;
  return (
    <bdi class={props.class} title={whole}>
      {cut}
    </bdi>
  );
}

/** An id in its short form, whole in the tip and on the clipboard. */
export function Id(props: { id: string; max?: number; isWhole?: boolean; hasCopy?: boolean }) {
  const { id, max = 16, isWhole = false, hasCopy = false } = props;
  return (
    <span class="id">
      <bdi class="mono" title={shown(id, 300)}>
        {isWhole ? shown(id, 300) : shortId(id, max)}
      </bdi>
      {hasCopy ? <CopyButton text={id} /> : null}
    </span>
  );
}
