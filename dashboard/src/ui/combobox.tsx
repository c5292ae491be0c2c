/** A text field with suggestions and how often each was seen, for the pointer and the arrow keys. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { CountedName } from '../api/client.js';
import { count } from '../format/number.js';

interface ComboboxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Called while somebody types; `options` are expected to follow. */
  onTyping: (text: string) => void;
  options: readonly CountedName[];
  placeholder?: string;
}

export function Combobox({ label, value, onChange, onTyping, options, placeholder }: ComboboxProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const [isOpen, setOpen] = useState(false);
  /** The index of the option that the arrow keys chose; −1 for the typed text. */
  const [at, setAt] = useState(-1);
  useEffect(() => setText(value), [value]);

  const offer = (typed: string) => {
    setText(typed);
    onTyping(typed);
    setOpen(true);
    setAt(-1);
  };
  const choose = (next: string) => {
    setText(next);
    setOpen(false);
    setAt(-1);
    if (next !== value) onChange(next);
  };
  const step = (by: number) => {
    setOpen(true);
    setAt((now) => Math.max(-1, Math.min(options.length - 1, now + by)));
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => choose(options[at]?.name ?? text.trim()),
    Escape: () => choose(value),
  };
  const shown = isOpen && options.length > 0;
  return (
    <div class="combobox">
      <input
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={shown}
        aria-controls={shown ? `${id}-list` : undefined}
        aria-autocomplete="list"
        aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={text}
        onFocus={() => offer(text)}
        onInput={(event) => offer(event.currentTarget.value)}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (act === undefined) return;
          act();
          event.preventDefault();
        }}
        onBlur={() => choose(text.trim())}
      />
      {shown && <Options id={id} label={label} options={options} at={at} onChoose={choose} />}
    </div>
  );
}

interface OptionsProps extends Pick<ComboboxProps, 'label' | 'options'> {
  id: string;
  at: number;
  onChoose: (name: string) => void;
}

function Options({ id, label, options, at, onChoose }: OptionsProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);
  return (
    <div
      ref={list}
      class="combobox-list"
      id={`${id}-list`}
      role="listbox"
      aria-label={`${label}: suggestions`}
    >
      {options.map(({ name, count: times }, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and takes the keys
        <div
          key={name}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === at}
          // The field keeps the focus: its blur would choose what is typed.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onChoose(name)}
        >
          <span class="cut">{name}</span>
          <span class="soft">{count(times)}</span>
        </div>
      ))}
    </div>
  );
}
