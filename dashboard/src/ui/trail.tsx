/** The events of a session in order, each to unfold. */
import type { Event } from '../api/client.js';
import { clockTime, duration, fullTime } from '../format/time.js';
import { TextLink } from './button.js';
import { eventLabel } from './event-label.js';
import { EventSummary, incidentHref, isIncident, replayHref } from './event-text.js';
import { TypeIcon } from './icons.js';
import { PropsView } from './props-view.js';

/** A longer pause is shown. */
const PAUSE_MS = 60_000;

/** `events` ascending. */
export function Trail({ events }: { events: readonly Event[] }) {
  return (
    <ol class="trail">
      {events.map((event, index) => {
        const pauseMs = event.ts - (events[index - 1]?.ts ?? event.ts);
        return (
          <li key={event.id} class={`crumb-${event.type}`}>
            {pauseMs > PAUSE_MS && <p class="trail-pause soft">{duration(pauseMs)} later</p>}
            <details class="trail-item">
              <summary>
                <time class="soft" title={fullTime(event.ts)}>
                  {clockTime(event.ts)}
                </time>
                <TypeIcon type={event.type} />
                <span class="cut">
                  <span class={`name-${event.type}`}>{eventLabel(event).label}</span>{' '}
                  <EventSummary event={event} />
                </span>
              </summary>
              <div class="trail-more">
                <p class="trail-ways">
                  {isIncident(event) && <TextLink href={incidentHref(event)}>Open the incident</TextLink>}
                  <TextLink href={replayHref(event, event.ts)}>Replay from here</TextLink>
                  {event.url !== undefined && <span class="soft">on {event.url}</span>}
                </p>
                <PropsView props={event.props ?? {}} />
              </div>
            </details>
          </li>
        );
      })}
    </ol>
  );
}
