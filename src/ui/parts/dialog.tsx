/**
 * Owns the one dialog that may be open and the notes that tell how an order went. Every change at
 * the node goes through here: what it does in words, a reason where one is kept, the error if any.
 */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { systemClock } from "../../runtime/clock.ts";
import { CallError } from "../net/call.ts";
import { refreshAll } from "../net/live.ts";
import { isSignedIn } from "../net/session.ts";
import { goTo } from "../router.ts";
import { type Field, FieldInput } from "./field-input.tsx";
import { Icon } from "./icon.tsx";

export interface Order {
  title: string;
  text: ComponentChildren;
  /** What should be thought of first. */
  warning?: ComponentChildren;
  fields?: readonly Field[];
  action: string;
  isDangerous?: boolean;
  /** Resolves to what is told when it worked. */
  run: (values: Record<string, string>) => Promise<string>;
}

const order = signal<Order | null>(null);
const notes = signal<readonly { id: number; text: string }[]>([]);
let noteCount = 0;
const noteMs = 5_000;

export function ask(next: Order): void {
  order.value = next;
}

export async function tellNote(text: string): Promise<void> {
  noteCount += 1;
  const id = noteCount;
  notes.value = [...notes.value.slice(-2), { id, text }];
  await systemClock.sleep(noteMs);
  notes.value = notes.value.filter((note) => note.id !== id);
}

export function Notes() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notes.value.map((note) => (
        <div key={note.id} class="toast">
          <Icon name="check" />
          <span>{note.text}</span>
        </div>
      ))}
    </div>
  );
}

export function DialogOutlet() {
  const open = order.value;
  return open === null ? null : <OrderDialog key={open.title} order={open} />;
}

function OrderDialog(props: { order: Order }) {
  const { fields = [], title, text, warning, action, isDangerous, run } = props.order;
  const ref = useRef<HTMLDialogElement>(null);
  const [values, setValues] = useState(() => startValues(fields));
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => ref.current?.showModal(), []);
  const close = () => {
    ref.current?.close();
    order.value = null;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const told = await run(values);
      close();
      void tellNote(told);
      refreshAll();
    } catch (thrown) {
      setError(thrown instanceof CallError ? thrown.message : String(thrown));
      setBusy(false);
    }
  };
  const isReady = fields.every((field) => isFilled(field, values[field.name] ?? ""));
  return (
    <dialog ref={ref} class="dialog" aria-labelledby="dialog-title" onClose={close}>
      <form method="dialog" onSubmit={(event) => void submit(event)}>
        <h2 id="dialog-title">{title}</h2>
        <div class="dialog-text">{text}</div>
        {warning === undefined ? null : (
          <div class="fault warn">
            <Icon name="warning" />
            <div>{warning}</div>
          </div>
        )}
        {fields.map((field) => (
          <FieldInput
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            onInput={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
          />
        ))}
        {isSignedIn.value ? null : <SignInHint onLeave={close} />}
        {error === null ? null : (
          <div class="fault" role="alert">
            <Icon name="warning" />
            <span>{error}</span>
          </div>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${isDangerous ? "danger" : "primary"}`}
            disabled={isBusy || !isReady}
          >
            {isBusy ? "Working …" : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function SignInHint(props: { onLeave: () => void }) {
  const leave = () => {
    props.onLeave();
    goTo("#/settings");
  };
  return (
    <p class="small muted">
      You are not signed in, so the node will most likely refuse.{" "}
      <button type="button" class="link" onClick={leave}>
        Enter a token in Settings
      </button>
    </p>
  );
}

function startValues(fields: readonly Field[]): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => [field.name, field.value ?? field.choices?.[0]?.value ?? ""]),
  );
}

function isFilled(field: Field, value: string): boolean {
  if (field.mustBe !== undefined) return value === field.mustBe;
  return !field.isRequired || value.trim() !== "";
}
