/** Session replay: records the page, cuts the recording into chunks and uploads them. */
import type { eventWithTime } from '@rrweb/types';
import type { Part } from '../seam.js';
import { createChunker, createSeqs } from './chunk.js';
import { createLeftovers } from './leftovers.js';
import { createCleaner, maskingOptions } from './privacy.js';
import { createRecorder } from './recorder.js';
import { isSampled } from './sample.js';
import { createUploader } from './upload.js';

/** The recording pauses when nobody has used the page for this long. */
const IDLE_MS = 30 * 60_000;
/** A chunk with a snapshot ends this soon: it is too large to send while the page goes away. */
const SNAPSHOT_CUT_MS = 500;
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
/** Sources of user input: mouse moves, mouse interactions, input, touch moves. */
const BY_HAND = [1, 2, 5, 6];
const RETURNS = ['pointerdown', 'pointermove', 'keydown', 'wheel'];

export const start: Part = (client) => {
  const { app, replaySample } = client.options;
  let masking: ReturnType<typeof maskingOptions>;
  try {
    masking = maskingOptions(client.options);
  } catch {
    console.warn('spyglass: maskText or block is no CSS selector, so nothing is recorded.');
    return;
  }
  const clean = createCleaner(client);
  let own = { session_id: client.session(false), user_id: client.options.user.id };
  let lastByHandMs = Date.now();
  let refused = false;

  const uploader = createUploader(client, createLeftovers(`spyglass.replay.${app} `), {
    full: () => recorder.pause('uplink'),
    idle: () => recorder.resume('uplink'),
    lost: (chunk) => chunk.session === own.session_id && recorder.mark('refused', chunk.ts),
    refused: () => {
      refused = true;
      recorder.end();
    },
  });
  const seqs = createSeqs(`spyglass.seq.${app} `);
  const chunker = createChunker(() => own.session_id, seqs, client.guard(uploader.add));

  const take = (event: eventWithTime) => {
    if (event.type === INCREMENTAL && BY_HAND.includes(event.data.source)) {
      lastByHandMs = event.timestamp;
      const before = own.session_id;
      // May begin a new session, whose first snapshot contains the result of this event.
      if (client.session() !== before) return;
    } else if (event.timestamp - lastByHandMs > IDLE_MS) {
      return recorder.pause('idle');
    }
    clean(event);
    chunker.add(event);
    if (event.type === FULL_SNAPSHOT) chunker.cutWithin(SNAPSHOT_CUT_MS);
  };
  const recorder = createRecorder(client, masking, take);

  const begin = () => {
    if (!refused && isSampled(own.session_id, replaySample)) recorder.begin();
    else recorder.end();
  };
  const leave = () => {
    recorder.markGap();
    chunker.cut();
    seqs.keep(own.session_id);
    uploader.leave();
  };
  const listen = (target: EventTarget, type: string, work: (event: Event) => void) => {
    const listener = client.guard(work);
    target.addEventListener(type, listener, { capture: true, passive: true });
    client.onStop(() => target.removeEventListener(type, listener, true));
  };

  client.onSession((id) => {
    chunker.cut();
    recorder.end(own);
    own = { session_id: id, user_id: client.options.user.id };
    lastByHandMs = Date.now();
    begin();
  });
  for (const type of RETURNS) {
    listen(document, type, () => {
      lastByHandMs = Date.now();
      recorder.resume('idle');
    });
  }
  client.onLeave(() => {
    if (document.visibilityState === 'hidden') leave();
    else chunker.cut();
  });
  listen(window, 'pagehide', leave);
  // After the back-forward cache the recording begins again: other pages of the session came between.
  listen(window, 'pageshow', (event) => (event as PageTransitionEvent).persisted && begin());
  client.onStop(() => {
    leave();
    recorder.end();
    uploader.stop();
  });

  uploader.start();
  begin();
};
