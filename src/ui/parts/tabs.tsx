import type { ComponentChildren } from "preact";

/** One of a few, all of them in sight. */
export function Tabs<Value extends string>(props: {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  tabs: readonly { value: Value; label: ComponentChildren }[];
}) {
  return (
    <fieldset class="tabs">
      <legend class="sr-only">{props.label}</legend>
      {props.tabs.map((tab) => (
        <button
          key={tab.value}
          type="button"
          aria-pressed={tab.value === props.value}
          onClick={() => props.onChange(tab.value)}
        >
          {tab.label}
        </button>
      ))}
    </fieldset>
  );
}
