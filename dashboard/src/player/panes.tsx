/** Lists that follow the player's time: the trail of events, the requests, the console. */
import { useCallback, useMemo, useState } from 'preact/hooks';
import { type Event, inWords } from '../api/client.js';
import { bytes, counted } from '../format/number.js';
import { clockTime, duration, offset, playTime } from '../format/time.js';
import { useParam } from '../router.js';
import { Button, TextLink } from '../ui/button.js';
import { eventLabel } from '../ui/event-label.js';
import { EventSummary, incidentHref, isFailed, isIncident, StatusTag } from '../ui/event-text.js';
import { TypeIcon } from '../ui/icons.js';
import { PropsView } from '../ui/props-view.js';
import { Stack } from '../ui/stack.js';
import { FollowList } from './follow-list.js';
import { overlaps, type Span } from './player.js';
import type { ConsoleLine } from './recording.js';
import type { PlayerHandle } from './use-player.js';

interface PaneProps {
  time: number;
  range: Span;
  /** Times are relative to this moment, else to the beginning of the time line. */
  cue?: number | undefined;
  onSeek: (ts: number) => void;
}

const when = (ts: number, { range, cue }: Pick<PaneProps, 'range' | 'cue'>): string =>
  cue === undefined ? playTime(ts - range.from) : offset(ts - cue);

interface EventPaneProps extends PaneProps {
  /** Ascending. */
  events: readonly Event[];
}

/** The props that lists of events share; the open event is in the address. */
function useEventItems() {
  const [open, setOpen] = useParam('event');
  return {
    keyOf: ({ id }: Event) => `${id}`,
    open,
    onOpen: (event: Event | undefined) => setOpen(event === undefined ? '' : `${event.id}`),
    renderMore: (event: Event) => <More event={event} />,
  };
}

export function TrailPane({ events, time, range, cue, onSeek }: EventPaneProps) {
  const render = useCallback(
    (event: Event) => (
      <>
        <span class="follow-when" title={clockTime(event.ts)}>
          {when(event.ts, { range, cue })}
        </span>
        <TypeIcon type={event.type} />
        <span class="cut" title={event.name}>
          <span class={`name-${event.type}`}>{eventLabel(event).label}</span> <EventSummary event={event} />
        </span>
      </>
    ),
    [range.from, cue],
  );
  return (
    <FollowList
      label="Trail"
      items={events}
      time={time}
      {...useEventItems()}
      classOf={({ ts, type }) => `crumb-${type}${ts === cue ? ' cue' : ''}`}
      onSeek={onSeek}
      render={render}
      empty="Nothing happened here"
    />
  );
}

function More({ event }: { event: Event }) {
  const { stack, ...rest } = event.props ?? {};
  const isStack = event.type === 'error' && typeof stack === 'string';
  return (
    <div class="follow-more">
      <p class="trail-ways">
        {isIncident(event) && <TextLink href={incidentHref(event)}>Open the incident</TextLink>}
        {event.url !== undefined && <span class="soft">on {event.url}</span>}
      </p>
      {isStack && <Stack text={stack} />}
      <PropsView props={isStack ? rest : (event.props ?? {})} />
    </div>
  );
}

/** Requests as a waterfall on the time line of the player. */
export function NetworkPane({ events, time, range, cue, onSeek }: EventPaneProps) {
  const requests = useMemo(() => events.filter(({ type }) => type === 'network'), [events]);
  const length = Math.max(1, range.to - range.from);
  const share = (ms: number): string => `${Math.min(100, Math.max(0, (ms / length) * 100))}%`;
  const render = useCallback(
    (event: Event) => {
      const { status, duration_ms: took = 0, response_bytes: size } = event.props ?? {};
      const tookMs = typeof took === 'number' ? took : 0;
      return (
        <>
          <span class="cut request-name" title={event.name}>
            {event.name}
          </span>
          <StatusTag status={status} />
          <span class="request-bars">
            <span
              class={isFailed(status) ? 'request-bar bad' : 'request-bar'}
              style={{ left: share(event.ts - range.from), width: share(tookMs) }}
            />
          </span>
          <span class="request-took" title={typeof size === 'number' ? bytes(size) : undefined}>
            {duration(tookMs)}
          </span>
        </>
      );
    },
    [range.from, range.to],
  );
  return (
    <div class="network-pane" style={{ '--now': `${(time - range.from) / length}` }}>
      <FollowList
        label="Network"
        items={requests}
        time={time}
        {...useEventItems()}
        classOf={({ props }) => (isFailed(props?.status) ? 'failed' : '')}
        onSeek={onSeek}
        render={render}
        empty={cue === undefined ? 'No requests in this session' : 'No requests around this moment'}
      />
    </div>
  );
}

interface ConsolePaneProps extends PaneProps {
  player: PlayerHandle;
  hasRecording: boolean;
}

/** The console is part of the recording: says how many chunks are not fetched, and so lack their lines. */
export function ConsolePane({ player, hasRecording, time, range, cue, onSeek }: ConsolePaneProps) {
  const { lines: all, missing, fetching, fetchError } = player.state;
  const lines = useMemo(
    () => all.filter(({ ts }) => ts >= range.from && ts <= range.to),
    [all, range.from, range.to],
  );
  const chunks = missing.filter((chunk) => overlaps(chunk, range)).length;
  const [open, setOpen] = useState<ConsoleLine>();
  const render = useCallback(
    (line: ConsoleLine) => (
      <>
        <span class="follow-when" title={clockTime(line.ts)}>
          {when(line.ts, { range, cue })}
        </span>
        <span class={`console-level level-${line.level}`}>{line.level}</span>
        <code class="console-text">{line.text}</code>
      </>
    ),
    [range.from, cue],
  );
  const none = hasRecording
    ? chunks > 0
      ? 'No lines so far'
      : 'The console stayed empty'
    : 'The console is part of a recording, and there is none';
  return (
    <>
      {chunks > 0 && (
        <p class="pane-note soft" role="status">
          {fetching ? 'Fetching' : 'Without the lines of'} {counted(chunks, 'chunk')} of the recording
          {fetchError !== undefined && `: ${inWords(fetchError)}`}
          {!fetching && (
            <Button onClick={() => player.fetchAll(range)}>
              {fetchError === undefined ? 'Fetch' : 'Try again'}
            </Button>
          )}
        </p>
      )}
      <FollowList
        label="Console"
        items={lines}
        keyOf={(line) => line}
        time={time}
        open={open}
        classOf={({ level }) => `line-${level}`}
        onOpen={setOpen}
        onSeek={onSeek}
        render={render}
        renderMore={(line) => (
          <pre class="follow-more console-more">{[line.text, ...line.trace].join('\n')}</pre>
        )}
        empty={none}
      />
    </>
  );
}
