/** Shows any JSON as text: names beside values, nested values to unfold. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Json, Props } from '../api/client.js';
import { count, counted } from '../format/number.js';

/** Longer texts are cut until somebody unfolds them. */
const TEXT_MAX = 400;
const OPEN_ENTRIES_MAX = 6;
const ENTRIES_MAX = 200;

export function PropsView({ props }: { props: Props }) {
  const entries = Object.entries(props);
  if (entries.length === 0) return <p class="soft">No properties</p>;
  return (
    <>
      <dl class="props">
        {entries.slice(0, ENTRIES_MAX).map(([name, value]) => (
          <Prop key={name} name={name}>
            <Value value={value} />
          </Prop>
        ))}
      </dl>
      {entries.length > ENTRIES_MAX && <p class="soft">and {count(entries.length - ENTRIES_MAX)} more</p>}
    </>
  );
}

export function Prop({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="prop">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Value({ value }: { value: Json }) {
  if (typeof value === 'string') return <TextValue text={value} />;
  if (typeof value === 'object' && value !== null) return <Nested value={value} />;
  return <code class={`value value-${value === null ? 'null' : typeof value}`}>{String(value)}</code>;
}

/** Draws nested values only once they are unfolded: they may be large and deep. */
function Nested({ value }: { value: Json[] | Props }) {
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [isOpen, setOpen] = useState(entries.length <= OPEN_ENTRIES_MAX);
  if (entries.length === 0) return <code class="value">{isList ? '[]' : '{}'}</code>;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{counted(entries.length, isList ? 'item' : 'field')}</summary>
      {isOpen && <PropsView props={Object.fromEntries(entries)} />}
    </details>
  );
}

function TextValue({ text }: { text: string }) {
  if (text === '') return <code class="value value-null">""</code>;
  const isBlock = text.includes('\n');
  if (text.length <= TEXT_MAX) return <code class={isBlock ? 'value block' : 'value'}>{text}</code>;
  return (
    <details>
      <summary>
        <code class="value">{text.slice(0, TEXT_MAX / 4)}…</code>{' '}
        <span class="soft">{text.length} characters</span>
      </summary>
      <code class="value block">{text}</code>
    </details>
  );
}
