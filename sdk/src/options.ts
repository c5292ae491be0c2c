/** What `init` takes, and what the parts see of it once the defaults are filled in. */

/** Who uses the app. Only `id` goes with every event; `name` and `email` with a session's first and after `setUser`. */
export interface User {
  id: string;
  name?: string | undefined;
  email?: string | undefined;
}

/** How much of what is typed a recording leaves out. Passwords are left out in every case. */
export type MaskInputs = 'all' | 'password' | 'none';

/** What may be set beside where to send to and who is there; `docs/sdk.md` has the table. */
export interface Settings {
  /** A pageview for the first load and for each change of the path. */
  pageviews: boolean;
  /** Uncaught errors and unhandled rejections. */
  errors: boolean;
  /** What is written by `console.error`; only with `errors`. */
  consoleErrors: boolean;
  /** Requests by `fetch` and `XMLHttpRequest`. */
  network: boolean;
  /** URL prefixes (`/api/` or `https://host/api/`) of the requests whose bodies are kept too, cut at 2 KB. */
  networkBodies: string[];
  /** Core web vitals. */
  webVitals: boolean;
  /** Clicks, rage clicks and form changes. */
  autocapture: boolean;
  /** Session recording. */
  replay: boolean;
  /** The share of sessions to record, 0 to 1. */
  replaySample: number;
  maskInputs: MaskInputs;
  /** A CSS selector of elements whose text a recording shows as asterisks. */
  maskText: string;
  /** A CSS selector of elements a recording shows as empty boxes. */
  block: string;
  /** The button to report a bug with. */
  reportButton: boolean;
  /** Changes each URL before it is kept anywhere: those of pages, requests, and referrers. */
  scrubUrl: (url: string) => string;
  /** The nonce that a Content-Security-Policy asks of styles and scripts that are added. */
  nonce: string;
}

/** As given: each may be left out. */
export type Given<T> = { [K in keyof T]?: T[K] | undefined };

export interface InitOptions extends Given<Settings> {
  /** Where the collector is, as `https://spyglass.example.com`. */
  endpoint: string;
  app: string;
  key: string;
  user: User;
}

/** `InitOptions` with the defaults filled in and no `/` at the end of `endpoint`. */
export interface Options extends Settings {
  readonly endpoint: string;
  readonly app: string;
  readonly key: string;
  /** The user now; `setUser` replaces it. */
  user: User;
}

const DEFAULTS: Settings = {
  pageviews: true,
  errors: true,
  consoleErrors: true,
  network: true,
  networkBodies: [],
  webVitals: true,
  autocapture: false,
  replay: true,
  replaySample: 1,
  maskInputs: 'all',
  maskText: '[data-spyglass-mask]',
  block: '[data-spyglass-block]',
  reportButton: true,
  scrubUrl: (url) => url,
  nonce: '',
};

/** Fills in the defaults. Throws a `TypeError` when something indispensable is missing or `endpoint` is no URL. */
export function resolve(given: InitOptions): Options {
  const { endpoint, app, key, user } = given;
  if (!(endpoint && app && key && user?.id)) {
    throw new TypeError('spyglass: init needs endpoint, app, key and user.id');
  }
  const options: Record<string, unknown> = {
    ...given,
    endpoint: new URL(endpoint, location.href).href.replace(/\/+$/, ''),
  };
  for (const [name, setting] of Object.entries(DEFAULTS)) options[name] ??= setting;
  return options as unknown as Options;
}

/** The options that a script tag's `data-` attributes name: `data-replay-sample="0.5"`, `data-user-id="alice"`. */
export function fromAttributes(data: DOMStringMap): Partial<InitOptions> {
  const options: Record<string, unknown> = {};
  for (const [name, text = ''] of Object.entries(data)) {
    const like = (DEFAULTS as unknown as Record<string, unknown>)[name];
    if (typeof like === 'boolean') options[name] = text !== 'false';
    else if (typeof like === 'number') options[name] = Number(text);
    else options[name] = Array.isArray(like) ? (text.match(/[^\s,]+/g) ?? []) : text;
  }
  const { userId, userName, userEmail } = data;
  if (userId) options.user = { id: userId, name: userName, email: userEmail };
  return options;
}
