/** Parses query strings so that an error can name the parameter. */

/** A parameter's text, or a list where it was given more than once; `null` for broken percent-encoding. */
export type RawParameter = string | null | (string | null)[];

/**
 * Parses `a=1&b=2` as form data: `+` is a space, the rest is percent-encoded UTF-8. Drops parameters that are
 * an empty string. Never throws.
 */
export function parseQueryString(text: string): Record<string, RawParameter> {
  const parameters: Record<string, RawParameter> = Object.create(null);
  if (text === '') return parameters;
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (name === null || name === '') continue;
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    const earlier = parameters[name];
    if (earlier === undefined) parameters[name] = value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else parameters[name] = [earlier, value];
  }
  for (const name in parameters) {
    if (parameters[name] === '') delete parameters[name];
  }
  return parameters;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
