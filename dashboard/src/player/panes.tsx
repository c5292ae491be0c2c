/** What happened beside the picture, each list following its time: the trail of events, the requests, the console. */
import { useCallback, useMemo, useState } from 'preact/hooks';
import { type Event, inWords } from '../api/client.js';
import { bytes, counted } from '../format/number.js';
import { clockTime, duration, offset, playTime } from '../format/time.js';
import { useParam } from '../router.js';
import { eventLabel } from '../ui/event-label.js';
import { EventSummary, incidentHref, isIncident } from '../ui/event-text.js';
import { TypeIcon } from '../ui/icons.js';
import { PropsView } from '../ui/props-view.js';
import { Stack } from '../ui/stack.js';
import { FollowList } from './follow-list.js';
import { overlaps, type Span } from './player.js';
import type { ConsoleLine } from './recording.js';
import type { PlayerHandle } from './use-player.js';

interface PaneProps {
  time: number;
  /** Of the time line. */
  range: Span;
  /** Times are told from here, where there is such a moment; else from the beginning of the time line. */
  cue?: number | undefined;
  onSeek: (ts: number) => void;
}

const when = (ts: number, { range, cue }: Pick<PaneProps, 'range' | 'cue'>): string =>
  cue === undefined ? playTime(ts - range.from) : offset(ts - cue);

interface EventPaneProps extends PaneProps {
  /** Ascending. */
  events: readonly Event[];
}

/** Which event is open, as the address has it. */
function useOpenEvent() {
  const [open, setOpen] = useParam('event');
  return { open, onOpen: (event: Event | undefined) => setOpen(event === undefined ? '' : `${event.id}`) };
}

export function TrailPane({ events, ...pane }: EventPaneProps) {
  const { time, range, cue, onSeek } = pane;
  const render = useCallback(
    (event: Event) => (
      <>
        <span class="follow-when" title={clockTime(event.ts)}>
          {when(event.ts, { range, cue })}
        </span>
        <TypeIcon type={event.type} />
        <TrailText event={event} />
      </>
    ),
    [range.from, cue],
  );
  return (
    <FollowList
      label="Trail"
      items={events}
      keyOf={({ id }) => `${id}`}
      time={time}
      {...useOpenEvent()}
      classOf={({ ts, type }) => `crumb-${type}${ts === cue ? ' cue' : ''}`}
      onSeek={onSeek}
      render={render}
      renderMore={(event) => <More event={event} />}
      empty="Nothing happened here"
    />
  );
}

function TrailText({ event }: { event: Event }) {
  return (
    <span class="cut" title={event.name}>
      <span class={`name-${event.type}`}>{eventLabel(event).label}</span> <EventSummary event={event} />
    </span>
  );
}

function More({ event }: { event: Event }) {
  const { stack, ...rest } = event.props ?? {};
  const isStack = event.type === 'error' && typeof stack === 'string';
  return (
    <div class="follow-more">
      <p class="trail-ways">
        {isIncident(event) && (
          <a class="text-link" href={incidentHref(event)}>
            Open the incident
          </a>
        )}
        {event.url !== undefined && <span class="soft">on {event.url}</span>}
      </p>
      {isStack && <Stack text={stack} />}
      <PropsView props={isStack ? rest : (event.props ?? {})} />
    </div>
  );
}

/** Requests as a waterfall on the time line of the player. */
export function NetworkPane({ events, ...pane }: EventPaneProps) {
  const { time, range, cue, onSeek } = pane;
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
        keyOf={({ id }) => `${id}`}
        time={time}
        {...useOpenEvent()}
        classOf={({ props }) => (isFailed(props?.status) ? 'failed' : '')}
        onSeek={onSeek}
        render={render}
        renderMore={(event) => <More event={event} />}
        empty={cue === undefined ? 'No requests in this session' : 'No requests around this moment'}
      />
    </div>
  );
}

function StatusTag({ status }: { status: unknown }) {
  if (typeof status !== 'number') return <span class="tag">–</span>;
  return <span class={isFailed(status) ? 'tag bad' : 'tag'}>{status === 0 ? 'failed' : status}</span>;
}

const isFailed = (status: unknown): boolean => typeof status === 'number' && (status === 0 || status >= 400);

interface ConsolePaneProps extends PaneProps {
  player: PlayerHandle;
  hasRecording: boolean;
}

/** The console is in the recording: of what was not fetched of it, there are no lines either, which it says. */
export function ConsolePane({ player, hasRecording, ...pane }: ConsolePaneProps) {
  const { time, range, cue, onSeek } = pane;
  const { lines: all, missing, fetching, fetchError } = player.state;
  const lines = useMemo(
    () => all.filter(({ ts }) => ts >= range.from && ts <= range.to),
    [all, range.from, range.to],
  );
  const parts = missing.filter((part) => overlaps(part, range)).length;
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
    ? parts > 0
      ? 'No lines so far'
      : 'The console stayed empty'
    : 'The console is part of a recording, and there is none';
  return (
    <>
      {parts > 0 && (
        <p class="pane-note soft" role="status">
          {fetching ? 'Fetching' : 'Without the lines of'} {counted(parts, 'part')} of the recording
          {fetchError !== undefined && `: ${inWords(fetchError)}`}
          {!fetching && (
            <button type="button" class="button" onClick={() => player.fetchAll(range)}>
              {fetchError === undefined ? 'Fetch' : 'Try again'}
            </button>
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
