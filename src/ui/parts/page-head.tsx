import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Icon } from "./icon.tsx";

/** The top of a page: where one is, what it is called, what can be done. */
export function PageHead(props: {
  title: ComponentChildren;
  /** For the browser's tab. */
  name: string;
  back?: { href: string; label: string };
  note?: ComponentChildren;
  actions?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${props.name} · sorcha-peer`;
  }, [props.name]);
  return (
    <header class="page-head">
      <div class="page-title">
        {props.back === undefined ? null : (
          <a class="back" href={props.back.href}>
            <Icon name="back" size={15} />
            {props.back.label}
          </a>
        )}
        <h1>{props.title}</h1>
        {props.note === undefined ? null : <div class="page-note">{props.note}</div>}
      </div>
      {props.actions === undefined ? null : <div class="actions">{props.actions}</div>}
    </header>
  );
}
