/** Makes the event of a draft: session, user and page are put to it. */
import { attempt } from './attempt.js';
import { pageName } from './auto/pageviews.js';
import { said, toLine } from './line.js';
import type { Client, Draft } from './seam.js';
import type { Session } from './session.js';

/** The event as JSON on one line. One that names its session, as errors and requests do, happens by itself: it is no activity. */
export function lineOf(client: Client, session: Session, draft: Draft): string {
  const { user } = client.options;
  const {
    type,
    name,
    url = location.href,
    props,
    ts = Date.now(),
    user_id = user.id,
    session_id = session.id(),
  } = draft;
  const person = { name: said(user.name), email: said(user.email) };
  const event = {
    ts,
    user_id: String(user_id),
    session_id,
    type,
    name: said(name ?? pageName(client)),
    url: attempt(() => {
      // Relative to nowhere: should the scrubber leave nothing, the page's own must not come back.
      const { pathname, search, hash } = new URL(client.scrub(new URL(url, location.href).href), 'http://x');
      return said(pathname + search + hash);
    }),
    user: session.introduce(session_id, JSON.stringify(person)) ? person : undefined,
  };
  return toLine(event, props);
}
