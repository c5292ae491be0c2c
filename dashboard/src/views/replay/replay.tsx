/** One session's recording, with its events, requests and console beside it. */
import type { Answers, Event } from '../../api/client.js';
import { type Query, useQuery } from '../../api/use-query.js';
import { counted } from '../../format/number.js';
import { duration, fullTime } from '../../format/time.js';
import { useAllChunks } from '../../player/manifest.js';
import { ConsolePane, NetworkPane, TrailPane } from '../../player/panes.js';
import type { Span } from '../../player/player.js';
import { PlayerView } from '../../player/player-view.js';
import type { PlacedChunk } from '../../player/times.js';
import { useMomentInAddress, useMomentParam } from '../../player/use-moment.js';
import { type PlayerHandle, usePlayer } from '../../player/use-player.js';
import { CopyButton } from '../../ui/copy.js';
import { replayHref, userHref } from '../../ui/event-text.js';
import { Choices, useChoice } from '../../ui/filters.js';
import { Empty, Failure, Loading } from '../../ui/states.js';
import { At } from '../../ui/time.js';
import { type SessionEvents, useSessionEvents } from './use-session-events.js';

const NONE: readonly PlacedChunk[] = [];
const PANES = { '': 'Trail', network: 'Network', console: 'Console' };

export function ReplayView({ app, session }: { app: string; session: string }) {
  const all = useSessionEvents(app, session);
  const manifest = useQuery('replay', { id: session, app });
  const chunks = useAllChunks(app, session, manifest.data);
  const references = manifest.error?.status === 404 ? NONE : chunks;
  const given = useMomentParam();
  const player = usePlayer(references, given ?? beginOf(references ?? NONE, all.events), all.events);
  const { state } = player;
  const range = rangeOf(references ?? NONE, all.events, state.spans) ?? { from: state.time, to: state.time };
  const time = state.time || range.from;
  useMomentInAddress(state.time, state.playing, player.seek);

  if (all.error?.status !== undefined && all.events.length === 0)
    return <Failure error={all.error} retry={all.reload} />;
  if (!all.loading && all.events.length === 0 && references?.length === 0)
    return <Empty title="There is no such session">It may be gone: events and recordings expire.</Empty>;
  const shown = { app, session, all, manifest, player, references: references ?? NONE, range, time };
  return (
    <div class="page fill replay">
      <Head {...shown} />
      <div class="replay-body">
        <Screen {...shown} />
        <Panes {...shown} />
      </div>
    </div>
  );
}

interface Shown {
  app: string;
  session: string;
  all: SessionEvents;
  manifest: Query<Answers['replay']>;
  player: PlayerHandle;
  references: readonly PlacedChunk[];
  range: Span;
  time: number;
}

function Head({ app, session, all, range, time }: Shown) {
  const newest = all.events.at(-1);
  const name = all.events.findLast(({ user }) => user?.name !== undefined)?.user?.name;
  const errors = all.events.filter(({ type }) => type === 'error').length;
  const reports = all.events.filter(({ type }) => type === 'bug_report').length;
  return (
    <div class="page-head">
      <h1 class="cut">
        {newest === undefined ? 'Session' : <a href={userHref(newest)}>{name ?? newest.user_id}</a>}
      </h1>
      <span class="soft replay-facts">
        {range.to > range.from && (
          <span title={fullTime(range.from)}>
            <At ts={range.from} /> · {duration(range.to - range.from)}
          </span>
        )}
        {newest !== undefined && <> · {counted(all.events.length, 'event')}</>}
        {all.cut && ' (the latest)'}
        {errors > 0 && <span class="tag bad">{counted(errors, 'error')}</span>}
        {reports > 0 && <span class="tag medium">{counted(reports, 'report')}</span>}
        <span class="replay-id">
          {app} · <code>{session}</code>
        </span>
      </span>
      <div class="end">
        <CopyButton
          label="Copy link to this moment"
          text={location.origin + replayHref({ app, session_id: session }, Math.round(time))}
        />
      </div>
    </div>
  );
}

function Screen({ all, manifest, player, references, range }: Shown) {
  if (manifest.error?.status === 404) {
    return (
      <div class="player">
        <Empty title="This session was not recorded">What happened in it is in the trail.</Empty>
      </div>
    );
  }
  if (manifest.error !== undefined && manifest.data === undefined)
    return <Failure error={manifest.error} retry={manifest.reload} />;
  return <PlayerView player={player} range={range} references={references} events={all.events} />;
}

function Panes({ all, player, references, range, time }: Shown) {
  const [pane, setPane] = useChoice('pane', PANES);
  const common = { time, range, onSeek: player.seek };
  return (
    <section class="replay-side panel" aria-label="Beside the recording">
      <div class="panel-head">
        <Choices label="Beside the recording" value={pane} choices={PANES} onChange={setPane} />
      </div>
      {all.loading && all.events.length === 0 ? (
        <Loading lines={12} />
      ) : pane === 'console' ? (
        <ConsolePane {...common} player={player} hasRecording={references.length > 0} />
      ) : pane === 'network' ? (
        <NetworkPane {...common} events={all.events} />
      ) : (
        <TrailPane {...common} events={all.events} />
      )}
      {all.error !== undefined && <Failure error={all.error} retry={all.reload} />}
    </section>
  );
}

function beginOf(references: readonly PlacedChunk[], events: readonly Event[]): number {
  return references.find(({ begin }) => begin !== undefined)?.begin ?? events[0]?.ts ?? 0;
}

/** From the first known time of the session to the last. */
function rangeOf(
  references: readonly PlacedChunk[],
  events: readonly Event[],
  spans: readonly Span[],
): Span | undefined {
  const times = [
    ...references.flatMap(({ begin }) => begin ?? []),
    ...[events[0], events.at(-1)].flatMap((event) => (event === undefined ? [] : [event.ts])),
    ...spans.flatMap(({ from, to }) => [from, to]),
  ];
  return times.length === 0 ? undefined : { from: Math.min(...times), to: Math.max(...times) };
}
