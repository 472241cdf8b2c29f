import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

/** A titled part of a page. */
export function Card(props: {
  title: ComponentChildren;
  aside?: ComponentChildren;
  isFlush?: boolean;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`card ${props.isFlush ? "flush" : ""} ${props.class ?? ""}`}>
      <header class="card-head">
        <h2>{props.title}</h2>
        {props.aside === undefined ? null : <div class="card-aside">{props.aside}</div>}
      </header>
      <div class="card-body">{props.children}</div>
    </section>
  );
}

/** Where nothing is: why, and what one could do about it. */
export function Empty(props: { icon?: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {props.icon === undefined ? null : <Icon name={props.icon} size={26} />}
      <p class="empty-title">{props.title}</p>
      {props.children === undefined ? null : <div class="muted">{props.children}</div>}
    </div>
  );
}

/** Holds the room of what is on its way, so that nothing jumps. */
export function Loading(props: { lines?: number; label?: string }) {
  return (
    <div class="loading" role="status">
      <span class="sr-only">{props.label ?? "Loading"} …</span>
      {Array.from({ length: props.lines ?? 3 }, (_, index) => (
        <span key={index} class="skeleton" />
      ))}
    </div>
  );
}

/** A fault in words. */
export function Fault(props: { message: string }) {
  return (
    <div class="fault" role="alert">
      <Icon name="warning" />
      <span>{props.message}</span>
    </div>
  );
}

export interface Fact {
  name: string;
  value: ComponentChildren;
  hint?: string;
}

/** Names and values, as dense as they stay readable. */
export function Facts(props: { facts: readonly (Fact | null)[]; columns?: 1 | 2 }) {
  return (
    <dl class={`facts ${props.columns === 1 ? "single" : ""}`}>
      {props.facts.map((fact) =>
        fact === null ? null : (
          <div key={fact.name} title={fact.hint}>
            <dt>{fact.name}</dt>
            <dd>{fact.value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

export function Tile(props: {
  name: string;
  value: ComponentChildren;
  unit?: string;
  note?: ComponentChildren;
  href?: string;
}) {
  const inner = (
    <>
      <span class="tile-name">{props.name}</span>
      <span class="tile-value">
        {props.value}
        {props.unit === undefined ? null : <span class="tile-unit">{props.unit}</span>}
      </span>
      <span class="tile-note">{props.note ?? " "}</span>
    </>
  );
  return props.href === undefined ? (
    <div class="tile">{inner}</div>
  ) : (
    <a class="tile" href={props.href}>
      {inner}
    </a>
  );
}
