import { Icon } from "./icon.tsx";

export function SearchBox(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
}) {
  return (
    <label class="search">
      <Icon name="search" size={16} />
      <span class="sr-only">{props.label}</span>
      <input
        type="search"
        placeholder={props.label}
        value={props.value}
        maxLength={255}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </label>
  );
}
