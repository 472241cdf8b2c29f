/**
 * Owns the one dialog that may be open and the notes that tell how an order went. Every change at
 * the node goes through here: what it does in words, a reason where one is kept, the error if any,
 * and how far it is where it takes its time.
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
import { ProgressBar } from "./meter.tsx";

export interface Order {
  title: string;
  text: ComponentChildren;
  /** What should be thought of first. */
  warning?: ComponentChildren;
  fields?: readonly Field[];
  action: string;
  isDangerous?: boolean;
  /** Resolves to what is told when it worked. */
  run: (values: Record<string, string>, work: Work) => Promise<string>;
}

/** For orders that take their time: files chosen, a wish to stop, and a place to say how far. */
export interface Work {
  files: Record<string, File>;
  signal: AbortSignal;
  report: (progress: Progress) => void;
}

export interface Progress {
  percent: number;
  /** Rate, what is left: one line. */
  text: string;
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
  const { title, text, warning } = props.order;
  const ref = useRef<HTMLDialogElement>(null);
  const form = useOrder(props.order, ref);
  useEffect(() => ref.current?.showModal(), []);
  // What runs is stopped before the dialog goes, so that nobody leaves it running unseen.
  const onCancel = (event: Event) => {
    if (form.stopping === null) return;
    event.preventDefault();
    form.stopping.abort();
  };
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby="dialog-title"
      onCancel={onCancel}
      onClose={form.close}
    >
      <form method="dialog" onSubmit={(event) => void form.submit(event)}>
        <h2 id="dialog-title">{title}</h2>
        <div class="dialog-text">{text}</div>
        {warning === undefined ? null : (
          <div class="fault warn">
            <Icon name="warning" />
            <div>{warning}</div>
          </div>
        )}
        <OrderFields order={props.order} form={form} />
        {isSignedIn.value ? null : <SignInHint onLeave={form.close} />}
        <OrderProgress progress={form.progress} />
        {form.error === null ? null : (
          <div class="fault" role="alert">
            <Icon name="warning" />
            <span>{form.error}</span>
          </div>
        )}
        <OrderFoot order={props.order} form={form} />
      </form>
    </dialog>
  );
}

type Form = ReturnType<typeof useOrder>;

/** What was filled in, and how the order gets on. */
function useOrder(given: Order, dialog: { current: HTMLDialogElement | null }) {
  const { fields = [], run } = given;
  const [values, setValues] = useState(() => startValues(fields));
  const [files, setFiles] = useState<Record<string, File>>({});
  const [error, setError] = useState<string | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [stopping, setStopping] = useState<AbortController | null>(null);
  const close = () => {
    stopping?.abort();
    dialog.current?.close();
    order.value = null;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const work = new AbortController();
    setStopping(work);
    setError(null);
    try {
      const told = await run(values, { files, signal: work.signal, report: setProgress });
      close();
      void tellNote(told);
      refreshAll();
    } catch (thrown) {
      setError(thrown instanceof CallError || isOwn(thrown) ? thrown.message : String(thrown));
      setStopping(null);
      setProgress(null);
    }
  };
  const isReady = fields.every((field) =>
    field.file === undefined
      ? isFilled(field, values[field.name] ?? "")
      : files[field.name] !== undefined,
  );
  const setFile = (name: string, file: File | null) =>
    setFiles((before) => {
      const { [name]: _, ...others } = before;
      return file === null ? others : { ...others, [name]: file };
    });
  const setValue = (name: string, value: string) =>
    setValues((before) => ({ ...before, [name]: value }));
  return { values, setValue, setFile, error, progress, stopping, close, submit, isReady };
}

/** An error that the page itself throws is a sentence already. */
function isOwn(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.constructor === Error;
}

function OrderFields(props: { order: Order; form: Form }) {
  const { order: given, form } = props;
  return (
    <fieldset class="fields" disabled={form.stopping !== null}>
      <legend class="sr-only">{given.title}</legend>
      {(given.fields ?? []).map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          value={form.values[field.name] ?? ""}
          onInput={(value) => form.setValue(field.name, value)}
          onFile={(file) => form.setFile(field.name, file)}
        />
      ))}
    </fieldset>
  );
}

function OrderProgress(props: { progress: Progress | null }) {
  const { progress } = props;
  if (progress === null) return null;
  return (
    <div class="stack tight">
      <ProgressBar percent={progress.percent} label="How far it is" />
      <p class="small muted" role="status">
        {progress.text}
      </p>
    </div>
  );
}

function OrderFoot(props: { order: Order; form: Form }) {
  const { order: given, form } = props;
  const { stopping, progress } = form;
  const isLong = stopping !== null && progress !== null;
  return (
    <div class="dialog-foot">
      <button
        type="button"
        class="button"
        onClick={() => (isLong ? stopping.abort() : form.close())}
      >
        {isLong ? "Stop" : "Cancel"}
      </button>
      <button
        type="submit"
        class={`button ${given.isDangerous ? "danger" : "primary"}`}
        disabled={stopping !== null || !form.isReady}
      >
        {stopping === null ? given.action : "Working …"}
      </button>
    </div>
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
