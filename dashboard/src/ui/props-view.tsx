/** Shows any JSON, whatever is in it, as text: names beside values, what is nested to unfold. */
import type { Json, Props } from '../api/types.js';

/** Longer texts are cut until somebody asks for all of it. */
const TEXT_MAX = 400;
const OPEN_ENTRIES_MAX = 6;

/** An event's props, or any object. */
export function PropsView({ props }: { props: Props }) {
  const entries = Object.entries(props);
  if (entries.length === 0) return <p class="soft">No props</p>;
  return (
    <dl class="props">
      {entries.map(([name, value]) => (
        <div key={name} class="prop">
          <dt>{name}</dt>
          <dd>
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value }: { value: Json }) {
  if (typeof value === 'string') return <TextValue text={value} />;
  if (typeof value !== 'object' || value === null)
    return <code class={`value value-${value === null ? 'null' : typeof value}`}>{String(value)}</code>;
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  if (size === 0) return <code class="value">{Array.isArray(value) ? '[]' : '{}'}</code>;
  const entries = Array.isArray(value)
    ? Object.fromEntries(value.map((item, index) => [`${index}`, item]))
    : value;
  return (
    <details open={size <= OPEN_ENTRIES_MAX}>
      <summary>{Array.isArray(value) ? `${size} items` : `${size} fields`}</summary>
      <PropsView props={entries} />
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
