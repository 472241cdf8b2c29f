import { useState } from "preact/hooks";
import { Foreign } from "./foreign.tsx";

export interface Field {
  name: string;
  label: string;
  hint?: string;
  value?: string;
  /** Not to be read over a shoulder. */
  isSecret?: boolean;
  /** Several lines. */
  isLong?: boolean;
  isRequired?: boolean;
  lengthMax?: number;
  /** One of these. */
  choices?: readonly { value: string; label: string; hint?: string }[];
  /** Has to be typed exactly: for what cannot be undone. */
  mustBe?: string;
  /** A file to choose; `describe` says what is in it, or throws why it can't be taken. */
  file?: { accept: string; describe: (file: File) => Promise<string> };
}

export function FieldInput(props: {
  field: Field;
  value: string;
  onInput: (value: string) => void;
  onFile: (file: File | null) => void;
}) {
  const { field, value } = props;
  if (field.file !== undefined) return <FileInput {...props} file={field.file} />;
  const id = `field-${field.name}`;
  const onInput = (event: Event) =>
    props.onInput((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value);
  if (field.choices !== undefined) {
    return (
      <fieldset class="field choices">
        <legend>{field.label}</legend>
        {field.choices.map((choice) => (
          <label key={choice.value}>
            <input
              type="radio"
              name={field.name}
              value={choice.value}
              checked={value === choice.value}
              onInput={onInput}
            />
            <span>
              {choice.label}
              {choice.hint === undefined ? null : <span class="muted"> {choice.hint}</span>}
            </span>
          </label>
        ))}
      </fieldset>
    );
  }
  const shared = {
    id,
    value,
    onInput,
    maxLength: field.lengthMax ?? 500,
    required: field.isRequired ?? false,
    autocomplete: "off",
    spellcheck: false,
    "aria-describedby": field.hint === undefined ? undefined : `${id}-hint`,
  };
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      {field.isLong ? <textarea rows={4} {...shared} /> : null}
      {field.isSecret ? <input type="password" {...shared} /> : null}
      {field.isLong || field.isSecret ? null : <input type="text" {...shared} />}
      {field.hint === undefined ? null : (
        <p id={`${id}-hint`} class="small muted">
          {field.hint}
        </p>
      )}
    </div>
  );
}

function FileInput(props: {
  field: Field;
  file: NonNullable<Field["file"]>;
  onFile: (file: File | null) => void;
}) {
  const { field, file, onFile } = props;
  const id = `field-${field.name}`;
  const [said, setSaid] = useState<{ text: string; isFault: boolean } | null>(null);
  const choose = async (event: Event) => {
    const chosen = (event.currentTarget as HTMLInputElement).files?.[0] ?? null;
    onFile(null);
    setSaid(chosen === null ? null : { text: "Reading …", isFault: false });
    if (chosen === null) return;
    try {
      setSaid({ text: await file.describe(chosen), isFault: false });
      onFile(chosen);
    } catch (thrown) {
      setSaid({ text: thrown instanceof Error ? thrown.message : String(thrown), isFault: true });
    }
  };
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <input
        id={id}
        type="file"
        accept={file.accept}
        aria-describedby={`${id}-hint`}
        onChange={(event) => void choose(event)}
      />
      <p
        id={`${id}-hint`}
        class={said?.isFault ? "small tone-bad" : "small muted"}
        role={said === null ? undefined : "status"}
      >
        <Foreign text={said?.text ?? field.hint ?? ""} max={400} />
      </p>
    </div>
  );
}
