/** The first start: snippets for an app. The live view takes over when the first event arrives. */
import { useState } from 'preact/hooks';
import type { AppsAnswer } from '../../api/client.js';
import { useApps } from '../../api/use-query.js';
import { TextLink } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { Choices } from '../../ui/filters.js';
import { Loaded } from '../../ui/states.js';

type App = AppsAnswer['apps'][number];

const WAYS = { script: 'Script tag', npm: 'npm', curl: 'Try with curl' };
type Way = keyof typeof WAYS;

const HINTS: Readonly<Record<Way, string>> = {
  script: 'Put it first in <head> on every page and set data-user-id to the signed-in user.',
  npm: 'Once, where your app starts and knows who is signed in.',
  curl: 'From a terminal, to see an event arrive right now.',
};

const NO_KEY = 'the key of this app';

export function Start() {
  const apps = useApps();
  return (
    <div class="page start">
      <div class="start-body">
        <p class="start-wait" role="status">
          <span class="dot" /> Waiting for the first event
        </p>
        <h1 class="start-title">Add one tag to your app</h1>
        <p class="start-lead soft">
          The collector runs and has nothing stored yet. This page turns into the live view when the first
          event arrives.
        </p>
        <Loaded query={apps}>{({ apps }) => <Snippets apps={apps} />}</Loaded>
        <p class="soft">
          Just looking around? <code>npm run spyglass demo</code> fills this collector with a month of a
          made-up app. All of the API is in its <TextLink href="/docs">documentation</TextLink>.
        </p>
      </div>
    </div>
  );
}

function Snippets({ apps }: { apps: readonly App[] }) {
  const [way, setWay] = useState<Way>('script');
  const [name, setName] = useState(apps[0]?.name ?? '');
  const app = apps.find((app) => app.name === name);
  if (app === undefined) return null;
  const code = snippet(way, app);
  return (
    <section class="panel start-panel" aria-label="Snippet">
      <div class="panel-head">
        <Choices label="How to send" value={way} choices={WAYS} onChange={setWay} />
        {apps.length > 1 && (
          <select
            class="select"
            aria-label="App"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          >
            {apps.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <div class="end">
          <CopyButton text={code} />
        </div>
      </div>
      {/* Scrolls sideways, so that it must be reachable by keyboard. */}
      <pre class="start-code" tabIndex={0}>
        {code}
      </pre>
      <p class="start-hint soft">
        {HINTS[way]}
        {app.key === undefined && ' Only the operator, who signs in with another password, sees the key.'}
        {app.origins.length > 0 &&
          way !== 'curl' &&
          ` Browsers may send for ${app.name} from ${app.origins.join(', ')} only.`}
      </p>
    </section>
  );
}

/** Escapes the key for each kind of snippet. */
function snippet(way: Way, { name, key = NO_KEY }: App): string {
  const { origin } = location;
  if (way === 'script') {
    const attributes = [`data-app="${name}"`, `data-key="${escapeHtml(key)}"`, 'data-user-id="alice"'];
    return `<script src="${origin}/sdk/spyglass.js" crossorigin\n  ${attributes.join('\n  ')}></script>`;
  }
  if (way === 'npm') {
    const options = [
      `endpoint: '${origin}'`,
      `app: '${name}'`,
      `key: ${JSON.stringify(key)}`,
      "user: { id: 'alice' }",
    ];
    return `import { spyglass } from '@spyglass/sdk';\n\nspyglass.init({\n  ${options.join(',\n  ')},\n});`;
  }
  const body = JSON.stringify({
    app: name,
    key,
    events: [{ user_id: 'alice', session_id: 's_1', type: 'event', name: 'hello' }],
  });
  return `curl ${origin}/v1/events \\\n  --data '${body.replaceAll("'", "'\\''")}'`;
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
