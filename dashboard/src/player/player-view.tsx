/** The picture with its controls: play, time line, speed, idle times, and the keys for them. */
import { useMemo, useRef } from 'preact/hooks';
import { clockTime, duration, fullTime, playTime } from '../format/time.js';
import { Button } from '../ui/button.js';
import { Icon } from '../ui/icons.js';
import { Failure } from '../ui/states.js';
import { useBox } from '../ui/use-box.js';
import { useKeys } from '../ui/use-keys.js';
import { gapsOf } from './gaps.js';
import type { Span } from './player.js';
import { Timeline, type TimelineProps } from './timeline.js';
import type { PlacedChunk } from './times.js';
import type { PlayerHandle } from './use-player.js';

interface PlayerViewProps extends Omit<TimelineProps, 'time' | 'gaps' | 'onSeek'> {
  player: PlayerHandle;
  references: readonly PlacedChunk[];
}

const SPEEDS = [0.5, 1, 2, 4, 8];
const STEP_MS = 5_000;
const END_MS = 100;

export function PlayerView({ player, range, references, events, cue }: PlayerViewProps) {
  const { state, seek } = player;
  const { spans } = state;
  const gaps = useMemo(() => gapsOf(references, spans, events), [references, spans, events]);
  const toggle = () => {
    // At the end it starts again.
    if (!state.playing && state.missing.length === 0 && state.time >= endOf(spans)) seek(range.from);
    player.toggle();
  };
  const clamp = (ts: number): number => Math.min(range.to, Math.max(range.from, ts));
  const gap = gaps.find(({ from, to }) => state.time > from && state.time < to - 1);
  useKeys({
    ' ': toggle,
    k: toggle,
    ArrowLeft: () => seek(clamp(state.time - STEP_MS)),
    ArrowRight: () => seek(clamp(state.time + STEP_MS)),
    '<': () => player.configure({ speed: SPEEDS.findLast((speed) => speed < state.speed) ?? state.speed }),
    '>': () => player.configure({ speed: SPEEDS.find((speed) => speed > state.speed) ?? state.speed }),
    s: () => player.configure({ skipIdle: !state.skipIdle }),
  });
  return (
    <div class="player">
      <Picture player={player}>
        {gap !== undefined && (
          <div class="stage-note">
            <p>
              Not recorded for {duration(gap.to - gap.from)}
              {gap.reason !== '' && <span class="soft">: {gap.reason}</span>}
            </p>
            <Button onClick={() => seek(gap.to)}>Go to {clockTime(gap.to)}</Button>
          </div>
        )}
      </Picture>
      <Timeline range={range} time={state.time} events={events} gaps={gaps} cue={cue} onSeek={seek} />
      <PlayerBar player={player} range={range} toggle={toggle} />
    </div>
  );
}

interface PlayerBarProps {
  player: PlayerHandle;
  range: Span;
  toggle: () => void;
}

function PlayerBar({ player, range, toggle }: PlayerBarProps) {
  const { state } = player;
  return (
    <div class="player-bar">
      <Button
        kind="icon-only"
        aria-label={state.playing ? 'Pause' : 'Play'}
        title={`${state.playing ? 'Pause' : 'Play'} (space)`}
        onClick={toggle}
      >
        <Icon name={state.playing ? 'pause' : 'play'} />
      </Button>
      <span class="player-time">
        <b>{playTime(state.time - range.from)}</b>
        <span class="soft"> / {playTime(range.to - range.from)}</span>
      </span>
      <time class="soft player-clock" title={fullTime(state.time)}>
        {clockTime(state.time)}
      </time>
      <span class="soft player-word" role="status">
        {state.waiting ? 'Loading …' : state.hurrying ? 'Skipping idle time …' : ''}
      </span>
      <label class="check" title="Skip inactivity (S)">
        <input
          type="checkbox"
          checked={state.skipIdle}
          onChange={(event) => player.configure({ skipIdle: event.currentTarget.checked })}
        />
        Skip idle
      </label>
      <select
        class="select"
        aria-label="Speed"
        title="Speed (< and >)"
        value={`${state.speed}`}
        onChange={(event) => player.configure({ speed: Number(event.currentTarget.value) })}
      >
        {SPEEDS.map((speed) => (
          <option key={speed} value={`${speed}`}>
            {speed}×
          </option>
        ))}
      </select>
    </div>
  );
}

/** The last moment that has a picture, less a tenth of a second. */
const endOf = (spans: readonly Span[]): number => Math.max(0, ...spans.map(({ to }) => to)) - END_MS;

/** The frame, as large as its room allows at its own aspect ratio. */
function Picture({ player, children }: { player: PlayerHandle; children: preact.ComponentChildren }) {
  const { state, onFrameLoad, retry } = player;
  const room = useRef<HTMLDivElement>(null);
  const box = useBox(room);
  const { width, height } = state.size;
  const scale = Math.min(box.width / width, box.height / height, 1.5);
  return (
    <div class="stage" ref={room}>
      <div class="stage-box" style={{ width: width * scale, height: height * scale }}>
        {/* Inert: no pointer, no keyboard. The policy of its page and the sandbox allow no script. */}
        <iframe
          class="stage-frame"
          src="/assets/frame.html"
          sandbox="allow-same-origin"
          title="Recording"
          tabIndex={-1}
          inert
          width={width}
          height={height}
          style={{ transform: `scale(${scale})` }}
          onLoad={(event) => onFrameLoad(event.currentTarget)}
        />
      </div>
      {state.error !== undefined && (
        <div class="stage-note">
          <Failure error={state.error} retry={retry} />
        </div>
      )}
      {state.error === undefined && children}
    </div>
  );
}
