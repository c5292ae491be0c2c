/** Takes values of the configuration from the environment: any string `env:NAME`. */
import type { ConfigProblem } from './rules.js';

/** Sections whose values are numbers: text from the environment is parsed as a number there. */
const NUMERIC_SECTIONS: readonly unknown[] = ['retention', 'limits', 'disk'];

/** Replaces every `env:NAME`. An unset variable is a problem, and its value is the empty string. */
export function fillFromEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
): { value: unknown; unset: ConfigProblem[] } {
  const unset: ConfigProblem[] = [];
  const fill = (value: unknown, path: readonly string[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, String(index)]));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, fill(item, [...path, name])]),
      );
    }
    if (typeof value !== 'string' || !value.startsWith('env:')) return value;
    const name = value.slice('env:'.length);
    const found = Object.hasOwn(env, name) ? env[name] : undefined;
    if (found !== undefined) return typed(found, path);
    unset.push({
      path: path.join('.'),
      message: `the environment variable ${name || '(no name)'} is not set`,
    });
    return '';
  };
  return { value: fill(value, []), unset };
}

/** Parses the text where the setting is a number or a switch. */
function typed(text: string, path: readonly string[]): unknown {
  if (NUMERIC_SECTIONS.includes(path[0]) && /^\d+$/.test(text)) return Number(text);
  if (path.join('.') === 'auth.open' && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}
