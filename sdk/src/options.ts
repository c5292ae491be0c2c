/** The options of `init`, as given and with defaults. */

/** The app's user. Every event has the `id`; a session's first event and those after `setUser` also `name` and `email`. */
export interface User {
  id: string;
  name?: string | undefined;
  email?: string | undefined;
}

/** Which inputs a recording masks. Passwords are always masked. */
export type MaskInputs = 'all' | 'password' | 'none';

/** The optional settings; `docs/sdk.md` has the table. */
export interface Settings {
  /** A pageview for the first load and for each change of the path. */
  pageviews: boolean;
  /** Uncaught errors and unhandled rejections. */
  errors: boolean;
  /** Calls of `console.error`; only with `errors`. */
  consoleErrors: boolean;
  /** Requests by `fetch` and `XMLHttpRequest`. */
  network: boolean;
  /** URL prefixes (`/api/` or `https://host/api/`) of requests whose bodies are captured, up to 2 KB. */
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
  /** Changes each URL before it is stored: those of pages, requests and referrers. */
  scrubUrl: (url: string) => string;
  /** The nonce that a Content-Security-Policy requires for added styles and scripts. */
  nonce: string;
}

/** Every property is optional. */
export type Given<T> = { [K in keyof T]?: T[K] | undefined };

export interface InitOptions extends Given<Settings> {
  /** The collector's address, such as `https://spyglass.example.com`. */
  endpoint: string;
  app: string;
  key: string;
  user: User;
}

/** `InitOptions` with defaults, and no `/` at the end of `endpoint`. */
export interface Options extends Settings {
  readonly endpoint: string;
  readonly app: string;
  readonly key: string;
  /** `setUser` replaces it. */
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

/** Fills in the defaults. Throws a `TypeError` when a required option is missing or `endpoint` is not a URL. */
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

/** The options in a script tag's `data-` attributes: `data-replay-sample="0.5"`, `data-user-id="alice"`. */
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
