/** The address as a value, ways to change it, and links that change it without loading the page again. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';

export interface Address {
  /** Still percent-encoded. */
  path: string;
  query: URLSearchParams;
}

/** Changes to a query: a string sets, `undefined` or an empty string removes. */
export type QueryPatch = Record<string, string | undefined>;

const AddressContext = createContext<Address>(currentAddress());

function currentAddress(): Address {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Gives the address to everything below it, and follows its links. */
export function Router({ children }: { children: ComponentChildren }) {
  const [address, setAddress] = useState(currentAddress);
  useLayoutEffect(() => {
    const update = () => setAddress(currentAddress());
    addEventListener('popstate', update);
    document.addEventListener('click', followLink);
    return () => {
      removeEventListener('popstate', update);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return <AddressContext.Provider value={address}>{children}</AddressContext.Provider>;
}

export function useAddress(): Address {
  return useContext(AddressContext);
}

/** A parameter of the query, '' when absent, and how to set it: in place, or as a step to go back. */
export function useParam(
  name: string,
): [value: string, set: (value: string, how?: 'push' | 'replace') => void] {
  const value = useAddress().query.get(name) ?? '';
  return [value, (next, how = 'replace') => setQuery({ [name]: next }, how)];
}

/** Changes the query: `replace` for typing and the player's time, `push` for what can be undone. */
export function setQuery(patch: QueryPatch, how: 'push' | 'replace' = 'replace'): void {
  const { path, query } = currentAddress();
  go(path + search(query, patch), how);
}

/** Goes to a path with its query. */
export function go(target: string, how: 'push' | 'replace' = 'push'): void {
  if (target === location.pathname + location.search) return;
  if (how === 'push') history.pushState(null, '', target);
  else history.replaceState(null, '', target);
  dispatchEvent(new PopStateEvent('popstate'));
}

/** A link: `href('/users/:app/:id', { app, id }, { session })`. */
export function href(pattern: string, names: Record<string, string> = {}, patch: QueryPatch = {}): string {
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(names[name] ?? ''));
  return path + search(new URLSearchParams(), patch);
}

/** A link to this address with changes to the query. */
export const hereHref = ({ path, query }: Address, patch: QueryPatch): string => path + search(query, patch);

/** The decoded names in a path that matches the pattern, else `undefined`. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const found = new RegExp(`^${pattern.replace(/:(\w+)/g, '(?<$1>[^/]*)')}$`).exec(path);
  if (found === null) return undefined;
  const names = Object.entries(found.groups ?? {});
  try {
    return Object.fromEntries(names.map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    return undefined;
  }
}

function search(query: URLSearchParams, patch: QueryPatch): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  return text === '' ? '' : `?${text}`;
}

/** Paths the server answers by itself. */
const NOT_OURS = /^\/(v1|sdk|assets|docs|metrics|openapi\.json)(\/|$)/;

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin)
    return;
  if (NOT_OURS.test(link.pathname) || link.hash !== '') return;
  event.preventDefault();
  go(link.pathname + link.search);
}
