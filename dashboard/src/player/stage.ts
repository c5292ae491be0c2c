/** rrweb's replayer within the frame that runs no scripts. Loaded only when there is something to play. */
import { Replayer } from '@rrweb/replay';
import { cleanByElement, type Met } from './harmless.js';
import { FULL_SNAPSHOT, isSide, type RecordedEvent, sizeIn } from './recording.js';

export type Stage = ReturnType<typeof createStage>;

interface StageSettings {
  speed: number;
  skipIdle: boolean;
}

interface StageOptions extends StageSettings {
  /** The last event was played. */
  onEnd: () => void;
  onSize: (size: { width: number; height: number }) => void;
  /** The replayer begins or ends to hurry through idle time. */
  onHurry: (hurries: boolean) => void;
}

type ReplayerEvents = ConstructorParameters<typeof Replayer>[0];

/** Longer idle times are hurried through. */
const IDLE_MS = 5_000;

/** Draws the events, with a full snapshot among them, into the frame's page. */
export function createStage(frame: HTMLIFrameElement, events: RecordedEvent[], options: StageOptions) {
  const root = frame.contentDocument?.body;
  if (!root) throw new Error('the frame has no page');
  root.replaceChildren();
  // Which element a change is of is known only here, where all events since the picture are in order.
  const met: Met = { styles: new Set(), loading: new Set() };
  cleanByElement(events, met);
  const [first] = events;
  const start = first?.timestamp ?? 0;
  // The replayer needs two events at least, and an end to play up to.
  const last = {
    type: 5,
    timestamp: (events.at(-1)?.timestamp ?? start) + 1,
    data: { tag: 'end', payload: {} },
  };
  const replayer = new Replayer([...events, last] as unknown as ReplayerEvents, {
    root,
    speed: options.speed,
    skipInactive: options.skipIdle,
    inactivePeriodThreshold: IDLE_MS,
    mouseTail: false,
    triggerFocus: false,
    showWarning: false,
    UNSAFE_replayCanvas: false,
    insertStyleRules: [
      'html.rrweb-paused *, html.rrweb-paused *::before { animation-play-state: paused !important }',
    ],
  });
  leaveOutWhatFails(replayer);
  const size = sizeIn(events);
  if (size) options.onSize(size);
  replayer.on('resize', (size) => {
    const { width, height } = size as { width: unknown; height: unknown };
    if (isSide(width) && isSide(height)) options.onSize({ width, height });
  });
  replayer.on('finish', options.onEnd);
  replayer.on('skip-start', () => options.onHurry(true));
  replayer.on('skip-end', () => options.onHurry(false));
  const picture = events.find(({ type }) => type === FULL_SNAPSHOT)?.timestamp ?? start;
  // The replayer draws what is before a moment, not at it, and draws nothing before the first full snapshot.
  const offsetOf = (ts: number): number => Math.max(ts, picture) - start + 1;
  return {
    /** The moment that is shown, Unix ms. */
    time: () => start + replayer.getCurrentTime(),
    play: (ts: number) => replayer.play(offsetOf(ts)),
    pause: (ts: number) => replayer.pause(offsetOf(ts)),
    /** Adds events that are later than all others. */
    add(more: readonly RecordedEvent[]): void {
      cleanByElement(more, met);
      for (const event of more) replayer.addEvent(event as unknown as ReplayerEvents[number]);
    },
    configure: ({ speed, skipIdle }: StageSettings) => replayer.setConfig({ speed, skipInactive: skipIdle }),
    close(): void {
      replayer.destroy();
      root.replaceChildren();
    },
  };
}

/** A change that fails, of a missing element for example, must not end the replay. */
function leaveOutWhatFails(replayer: Replayer): void {
  const inner = replayer as unknown as { applyIncremental(event: unknown, isSync: boolean): void };
  const apply = inner.applyIncremental.bind(replayer);
  inner.applyIncremental = (event, isSync) => {
    try {
      apply(event, isSync);
    } catch {
      // The picture lacks this change.
    }
  };
}
