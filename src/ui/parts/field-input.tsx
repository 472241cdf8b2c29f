export interface Field {
  name: string;
  label: string;
  hint?: string;
  value?: string;
  /** Several lines. */
  isLong?: boolean;
  isRequired?: boolean;
  lengthMax?: number;
  /** One of these. */
  choices?: readonly { value: string; label: string; hint?: string }[];
  /** Has to be typed exactly: for what cannot be undone. */
  mustBe?: string;
}

export function FieldInput(props: {
  field: Field;
  value: string;
  onInput: (value: string) => void;
}) {
  const { field, value } = props;
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
      {field.isLong ? <textarea rows={4} {...shared} /> : <input type="text" {...shared} />}
      {field.hint === undefined ? null : (
        <p id={`${id}-hint`} class="small muted">
          {field.hint}
        </p>
      )}
    </div>
  );
}
