/** Where the reader is: the address as a value, ways to change it, and links that do so without loading the page anew. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';

export interface Location {
  /** Still percent-encoded. */
  path: string;
  query: URLSearchParams;
}

/** Changes to a query: a string sets, `undefined` or an empty string removes. */
export type QueryPatch = Record<string, string | undefined>;

const LocationContext = createContext<Location>(currentLocation());
/** Told of each change that this file makes; the browser tells of its own by `popstate`. */
const changes = new EventTarget();

function currentLocation(): Location {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Gives everything below it the place, and looks after its links. */
export function Router({ children }: { children: ComponentChildren }) {
  const [location, setLocation] = useState(currentLocation);
  useLayoutEffect(() => {
    const update = () => setLocation(currentLocation());
    changes.addEventListener('change', update);
    addEventListener('popstate', update);
    document.addEventListener('click', followLink);
    return () => {
      changes.removeEventListener('change', update);
      removeEventListener('popstate', update);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return <LocationContext.Provider value={location}>{children}</LocationContext.Provider>;
}

export function useLocation(): Location {
  return useContext(LocationContext);
}

/** One parameter of the query, '' when absent, and the way to set it: in place, or as a step for the back button. */
export function useParam(
  name: string,
): [value: string, set: (value: string, how?: 'push' | 'replace') => void] {
  const value = useLocation().query.get(name) ?? '';
  return [value, (next, how = 'replace') => setQuery({ [name]: next }, how)];
}

/** Changes the query where it differs. `replace` for what is typed or follows the time, `push` for what one may want to undo. */
export function setQuery(patch: QueryPatch, how: 'push' | 'replace' = 'replace'): void {
  const { path, query } = currentLocation();
  go(path + search(query, patch), how);
}

/** Goes to a path with its query. */
export function go(target: string, how: 'push' | 'replace' = 'push'): void {
  if (target === location.pathname + location.search) return;
  if (how === 'push') history.pushState(null, '', target);
  else history.replaceState(null, '', target);
  changes.dispatchEvent(new Event('change'));
}

/** A path with a query, as a link needs it: `href('/users/:app/:id', { app, id }, { tab: 'sessions' })`. */
export function href(pattern: string, names: Record<string, string> = {}, patch: QueryPatch = {}): string {
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(names[name] ?? ''));
  return path + search(new URLSearchParams(), patch);
}

/** A link to where one is, with changes to the query. */
export const hereHref = ({ path, query }: Location, patch: QueryPatch): string => path + search(query, patch);

/** The names in a path that fits the pattern, decoded; `undefined` where it does not. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? '';
    if (!part.startsWith(':')) {
      if (part !== text) return undefined;
      continue;
    }
    try {
      names[part.slice(1)] = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return names;
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
