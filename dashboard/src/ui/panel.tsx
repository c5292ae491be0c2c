/** A framed part of a view, with its title. */
import type { ComponentChildren } from 'preact';

interface PanelProps {
  title: string;
  /** For screen readers, where it is not the title. */
  label?: string;
  /** Beside the title. */
  note?: ComponentChildren;
  /** At the end of the title's line. */
  end?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, label = title, note, end, class: more = '', children }: PanelProps) {
  return (
    <section class={`panel ${more}`} aria-label={label}>
      <div class="panel-head">
        <h2>{title}</h2>
        {note ? <span class="soft cut">{note}</span> : null}
        {end ? <div class="end">{end}</div> : null}
      </div>
      {children}
    </section>
  );
}
