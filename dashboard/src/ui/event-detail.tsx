/** All of one event, with links to its user, session, recording and incident. */
import type { ComponentChildren } from 'preact';
import type { Event } from '../api/client.js';
import { fullTime, preciseTime } from '../format/time.js';
import { CopyButton } from './copy.js';
import { incidentHref, isIncident, replayHref, userHref } from './event-text.js';
import { TYPE_LABELS, TypeIcon } from './icons.js';
import { Prop, PropsView } from './props-view.js';
import { Ago } from './time.js';

/** `children` are more buttons. */
export function EventDetail({ event, children }: { event: Event; children?: ComponentChildren }) {
  const { ts, type, name, url, app, user_id, session_id, props, client_ts, id } = event;
  return (
    <div class="detail">
      <p class="detail-type">
        <TypeIcon type={type} /> {TYPE_LABELS[type]}
        <span class="soft detail-id">#{id}</span>
      </p>
      <h2 class="detail-name">{name}</h2>
      <div class="detail-ways">
        {isIncident(event) && (
          <a class="button primary" href={incidentHref(event)}>
            Open the incident
          </a>
        )}
        <a class="button" href={replayHref(event, ts)}>
          Replay
        </a>
        {children}
        <CopyButton text={JSON.stringify(event, null, 2)} label="Copy JSON" />
      </div>
      <dl class="props">
        <Prop name="Time">
          {preciseTime(ts)} <span class="soft">· </span>
          <span class="soft">
            <Ago ts={ts} />
          </span>
          <br />
          <span class="soft">{fullTime(ts)}</span>
        </Prop>
        {client_ts !== undefined && (
          <Prop name="Client's clock">
            {preciseTime(client_ts)} <span class="soft">put right by the collector</span>
          </Prop>
        )}
        {url !== undefined && (
          <Prop name="Page">
            <code class="value">{url}</code>
          </Prop>
        )}
        <Prop name="User">
          <a class="text-link value" href={userHref(event)}>
            {event.user?.name === undefined ? user_id : `${event.user.name} (${user_id})`}
          </a>
        </Prop>
        <Prop name="Session">
          <code class="value">{session_id}</code>
        </Prop>
        <Prop name="App">{app}</Prop>
      </dl>
      <h3>Properties</h3>
      <PropsView props={props ?? {}} />
    </div>
  );
}
