import type { ComponentChildren } from "preact";

/** So that the arrow keys reach what is below the edge, too. */
const reachable = { tabIndex: 0 };

/** A part with an edge of its own, for lists that may be long and stand beside others. */
export function Scroll(props: { label: string; children: ComponentChildren }) {
  return (
    <section class="scroll" aria-label={props.label} {...reachable}>
      {props.children}
    </section>
  );
}
