/** An error or report on one screen: what it was, the recording, and what happened around it. */
import { useEffect, useMemo } from 'preact/hooks';
import type { Answers, Event } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { counted } from '../../format/number.js';
import { clockTime, fullTime, offset } from '../../format/time.js';
import { allChunks } from '../../player/manifest.js';
import { ConsolePane, NetworkPane, TrailPane } from '../../player/panes.js';
import { PlayerView } from '../../player/player-view.js';
import { type PlacedChunk, placed } from '../../player/times.js';
import { useMomentInAddress, useMomentParam } from '../../player/use-moment.js';
import { usePlayer } from '../../player/use-player.js';
import { go, href } from '../../router.js';
import { Button, TextLink } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { incidentHref, isIncident, replayHref, Severity, userHref } from '../../ui/event-text.js';
import { Icon, TypeIcon } from '../../ui/icons.js';
import { Panel } from '../../ui/panel.js';
import { PropsView } from '../../ui/props-view.js';
import { Stack } from '../../ui/stack.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Ago } from '../../ui/time.js';
import { useKeys } from '../../ui/use-keys.js';

const BEFORE_MS = 60_000;
const AFTER_MS = 10_000;
const RELATED_MAX = 3;
const NONE: readonly PlacedChunk[] = [];

export function IncidentView({ id }: { id: string }) {
  const query = useQuery('incident', { event_id: Number(id) });
  const status = query.error?.status;
  if (query.data === undefined && (status === 404 || status === 400)) {
    return (
      <Empty title={status === 404 ? 'Event not found' : "This event isn't an error or report"}>
        {status === 404 && 'It may have expired. '}
        <TextLink href={href('/errors')}>All errors</TextLink>
      </Empty>
    );
  }
  return (
    <Loaded query={query} lines={16}>
      {(incident) => <Incident key={incident.event.id} incident={incident} />}
    </Loaded>
  );
}

function Incident({ incident }: { incident: Answers['incident'] }) {
  const { event, breadcrumbs, incident_ts: cue } = incident;
  const found = incident.replay_cue?.chunks;
  const references = useMemo(() => (found === undefined ? NONE : placed(found)), [found]);
  const player = usePlayer(references, useMomentParam() ?? cue, breadcrumbs, () =>
    // The last full snapshot may be long before the incident's own chunks.
    allChunks(event.app, event.session_id),
  );
  const { state } = player;
  const range = useMemo(() => ({ from: cue - BEFORE_MS, to: cue + AFTER_MS }), [cue]);
  useMomentInAddress(state.time, state.playing, player.seek);
  // The window has few chunks: all are fetched, the picture's first.
  useEffect(() => {
    if (!state.waiting) player.fetchAll(range);
  }, [state.waiting]);
  const pane = { time: state.time, range, cue, onSeek: player.seek };
  const events = { ...pane, events: breadcrumbs };
  const requests = breadcrumbs.filter(({ type }) => type === 'network').length;
  return (
    <article class="page fill incident">
      <Head incident={incident} />
      <div class="incident-body">
        <What event={event} group={incident.group} related={relatedTo(event, breadcrumbs)} />
        <section class="incident-picture" aria-label="Recording">
          {references.length === 0 ? (
            <NoRecording event={event} />
          ) : (
            <PlayerView
              player={player}
              range={range}
              references={references}
              events={breadcrumbs}
              cue={cue}
            />
          )}
        </section>
        <Panel
          title="Trail"
          note={`${counted(breadcrumbs.length, 'event')} ${incident.truncated ? 'nearest to it; there are too many to show all' : 'from 60 s before to 10 s after'}`}
          class="incident-trail"
        >
          <TrailPane {...events} />
        </Panel>
        <Panel title="Network" note={counted(requests, 'request')} class="incident-network">
          <NetworkPane {...events} />
        </Panel>
        <Panel title="Console" class="incident-console">
          <ConsolePane {...pane} player={player} hasRecording={references.length > 0} />
        </Panel>
      </div>
    </article>
  );
}

function Head({ incident }: { incident: Answers['incident'] }) {
  const { event, previous_id, next_id } = incident;
  const what = event.type === 'error' ? 'occurrence' : 'report';
  const name = incident.breadcrumbs.findLast(({ user }) => user?.name !== undefined)?.user?.name;
  useKeys({ p: wayTo(previous_id), n: wayTo(next_id) });
  return (
    <div class="page-head incident-head">
      <TypeIcon type={event.type} />
      <h1 class={`cut name-${event.type}`} title={event.name}>
        {event.type === 'error' ? event.name : 'Bug report'}
      </h1>
      <p class="incident-facts soft">
        <TextLink href={userHref(event)}>{name ?? event.user_id}</TextLink>
        <span class="cut">{event.app}</span>
        {event.url !== undefined && <code class="cut">{event.url}</code>}
        <time title={fullTime(event.ts)}>{clockTime(event.ts)}</time>
        <Ago ts={event.ts} />
      </p>
      <div class="end">
        <Step id={previous_id} icon="left" label={`Previous ${what}`} keyName="p" />
        <Step id={next_id} icon="right" label={`Next ${what}`} keyName="n" />
        <a class="button" href={replayHref(event, event.ts)}>
          Whole session
        </a>
        <CopyButton label="Copy link" text={location.href} />
      </div>
    </div>
  );
}

const wayTo = (id: number | undefined): (() => void) | undefined =>
  id === undefined ? undefined : () => go(href('/incidents/:id', { id: `${id}` }));

interface StepProps {
  id: number | undefined;
  icon: 'left' | 'right';
  label: string;
  keyName: string;
}

function Step({ id, icon, label, keyName }: StepProps) {
  if (id === undefined) {
    return (
      <Button kind="icon-only" disabled aria-label={`No ${label.toLowerCase()}`}>
        <Icon name={icon} />
      </Button>
    );
  }
  return (
    <a
      class="button icon-only"
      href={href('/incidents/:id', { id: `${id}` })}
      aria-label={label}
      title={`${label} (${keyName})`}
    >
      <Icon name={icon} />
    </a>
  );
}

interface WhatProps {
  event: Event;
  group: string | undefined;
  /** Other incidents around it. */
  related: readonly Event[];
}

/** The comment of a report, or the stack of an error and its group's counts. */
function What({ event, group, related }: WhatProps) {
  const { stack, comment, severity, ...rest } = event.props ?? {};
  return (
    <Panel
      title={event.type === 'error' ? 'Stack' : 'Report'}
      label="What went wrong"
      note={typeof severity === 'string' && <Severity value={severity} />}
      end={group !== undefined && <GroupFacts group={group} />}
      class="incident-what"
    >
      <div class="what-body">
        {event.type === 'bug_report' && (
          <blockquote class="comment">{typeof comment === 'string' ? comment : event.name}</blockquote>
        )}
        {typeof stack === 'string' ? (
          <Stack text={stack} />
        ) : (
          event.type === 'error' && <p class="soft">No stack trace was captured.</p>
        )}
        {related.length > 0 && (
          <ul class="what-related" aria-label="Belongs with it">
            {related.map((other) => (
              <li key={other.id}>
                <span class="soft">{offset(other.ts - event.ts)}</span>
                <TypeIcon type={other.type} />
                <a class="text-link cut" href={incidentHref(other)}>
                  {other.name}
                </a>
              </li>
            ))}
          </ul>
        )}
        {Object.keys(rest).length > 0 && (
          <details class="what-props">
            <summary class="soft">Properties</summary>
            <PropsView props={rest} />
          </details>
        )}
      </div>
    </Panel>
  );
}

/** The errors before a report, or the reports after an error; the latest of each name. */
function relatedTo(event: Event, breadcrumbs: readonly Event[]): Event[] {
  const others = breadcrumbs.filter(
    (other) =>
      isIncident(other) &&
      other.type !== event.type &&
      (event.type === 'error' ? other.ts >= event.ts : other.ts <= event.ts),
  );
  return [...new Map(others.map((other) => [other.name, other])).values()].slice(-RELATED_MAX);
}

function GroupFacts({ group }: { group: string }) {
  const { data } = useQuery('errors', { group, limit: 1 });
  const row = data?.groups[0];
  return (
    <TextLink href={href('/errors/:group', { group }, { range: 'all' })}>
      {row === undefined
        ? 'All like this'
        : `${counted(row.count, 'time')}, ${counted(row.user_count, 'user')}`}
    </TextLink>
  );
}

function NoRecording({ event }: { event: Event }) {
  return (
    <div class="player">
      <Empty title="There is no recording of this moment">
        <TextLink href={replayHref(event, event.ts)}>Look at the whole session</TextLink>
      </Empty>
    </div>
  );
}
