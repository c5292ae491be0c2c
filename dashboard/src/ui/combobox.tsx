/** A text field that offers what may be meant, with how often each was seen; by pointer or by arrow keys. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { CountedName } from '../api/client.js';
import { count } from '../format/number.js';

interface ComboboxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** What is typed, while it is typed: `options` are expected to follow it. */
  onTyping: (text: string) => void;
  options: readonly CountedName[];
  placeholder?: string;
}

export function Combobox({ label, value, onChange, onTyping, options, placeholder }: ComboboxProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  const close = () => {
    setOpen(false);
    setAt(-1);
  };
  const choose = (next: string) => {
    close();
    setText(next);
    if (next !== value) onChange(next);
  };
  const step = (by: number) => {
    setOpen(true);
    setAt((now) => Math.max(-1, Math.min(options.length - 1, now + by)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') step(1);
    else if (event.key === 'ArrowUp') step(-1);
    else if (event.key === 'Enter') choose(options[at]?.name ?? text.trim());
    else if (event.key === 'Escape') {
      setText(value);
      close();
    } else return;
    event.preventDefault();
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
        onFocus={() => {
          onTyping(text);
          setOpen(true);
        }}
        onInput={(event) => {
          setText(event.currentTarget.value);
          onTyping(event.currentTarget.value);
          setOpen(true);
          setAt(-1);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => choose(text.trim())}
      />
      {shown && (
        <div
          ref={list}
          class="combobox-list"
          id={`${id}-list`}
          role="listbox"
          aria-label={`${label}: suggestions`}
        >
          {options.map((option, index) => (
            <div
              key={option.name}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              // The field keeps the focus, or its leaving would take the list away before the click.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(option.name)}
              onKeyDown={onKeyDown}
            >
              <span class="cut">{option.name}</span>
              <span class="soft">{count(option.count)}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
