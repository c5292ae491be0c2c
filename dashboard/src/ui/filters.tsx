/** Filters of a view: text fields and choices. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useParam } from '../router.js';
import { Icon } from './icons.js';

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** Takes effect while somebody types, instead of at Enter or blur. */
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

/** Choices and their labels. */
type Named<T extends string> = Readonly<Record<T, string>>;

export const isChoice = <T extends string>(choices: Named<T>, text: string): text is T =>
  Object.hasOwn(choices, text);

/** The choice in a parameter of the query, '' where there is none, and how to set it. */
export function useChoice<T extends string>(
  name: string,
  choices: Named<T>,
): [value: T | '', set: ReturnType<typeof useParam>[1]] {
  const [given, set] = useParam(name);
  return [isChoice(choices, given) ? given : '', set];
}

interface ChoicesProps<T extends string> {
  label: string;
  value: T;
  choices: Named<T>;
  onChange: (value: T) => void;
}

export function Choices<T extends string>({ label, value, choices, onChange }: ChoicesProps<T>) {
  return (
    <div class="choices" role="group" aria-label={label}>
      {(Object.entries(choices) as [T, string][]).map(([choice, name]) => (
        <button
          key={choice}
          type="button"
          class="choice"
          aria-pressed={choice === value}
          onClick={() => onChange(choice)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
