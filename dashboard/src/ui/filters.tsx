/** What narrows a view down: fields that are typed into, and choices. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons.js';

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** Takes effect while typing, instead of at Enter or on leaving. */
  live?: true;
}

const TYPING_MS = 200;

/** A text field with its label inside its box. */
export function Field({ label, value, onChange, placeholder, live }: FieldProps) {
  const [text, setText] = useState(value);
  const typed = useRef(value);
  useEffect(() => {
    if (typed.current === value) return;
    typed.current = value;
    setText(value);
  }, [value]);
  const settle = (next: string) => {
    if (next === typed.current) return;
    typed.current = next;
    onChange(next);
  };
  useEffect(() => {
    if (!live) return;
    const timer = setTimeout(() => settle(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class={`field${value === '' ? '' : ' set'}`}>
      <span class="field-label">{label}</span>
      <input
        type="text"
        value={text}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={() => settle(text.trim())}
        onKeyDown={(event) => {
          if (event.key === 'Enter') settle(text.trim());
          if (event.key === 'Escape') setText(value);
        }}
      />
      {value !== '' && (
        <button
          type="button"
          class="field-clear"
          aria-label={`Clear ${label}`}
          onClick={() => {
            setText('');
            settle('');
          }}
        >
          <Icon name="close" size={12} />
        </button>
      )}
    </label>
  );
}

export interface Choice<T extends string> {
  value: T;
  label: string;
}

interface ChoicesProps<T extends string> {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
}

/** A row of buttons of which one is pressed. */
export function Choices<T extends string>({ label, value, choices, onChange }: ChoicesProps<T>) {
  return (
    <div class="choices" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          class="choice"
          aria-pressed={choice.value === value}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}
