/** The console's lines in a recording, by the recorder's plugin, kept from throwing into the page. */
import { getRecordConsolePlugin } from '@rrweb/rrweb-plugin-console-record';
import type { RecordPlugin } from '@rrweb/types';

const LINES_MAX = 1_000;
const TEXT_MAX = 1_000;

/**
 * The plugin listens to the window's errors too, and throws there for one that has no error object: a script of another
 * origin, `throw null`. The app would see that as an error of its own, so it gets a window whose listeners can't throw.
 */
export function consolePlugin(): RecordPlugin {
  const plugin = getRecordConsolePlugin({
    level: ['debug', 'log', 'info', 'warn', 'error'],
    lengthThreshold: LINES_MAX,
    stringifyOptions: { stringLengthLimit: TEXT_MAX, numOfKeysLimit: 50, depthOfLimit: 3 },
  });
  return {
    ...plugin,
    observer: (take, page, options) => {
      const safe = new Map<EventListener, EventListener>();
      const quietPage = {
        console: page.console,
        addEventListener: (type: string, listener: EventListener) => {
          const quiet = (event: Event) => {
            try {
              listener(event);
            } catch {
              // Such an error is an event of its own already.
            }
          };
          safe.set(listener, quiet);
          page.addEventListener(type, quiet);
        },
        removeEventListener: (type: string, listener: EventListener) => {
          page.removeEventListener(type, safe.get(listener) ?? listener);
        },
      };
      return plugin.observer?.(take, quietPage as unknown as typeof page, options) ?? (() => {});
    },
  };
}
