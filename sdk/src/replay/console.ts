/** Console lines in a recording, by the recorder's plugin, which must not throw into the page. */
import { getRecordConsolePlugin } from '@rrweb/rrweb-plugin-console-record';
import type { RecordPlugin } from '@rrweb/types';

const LINES_MAX = 1_000;
const TEXT_MAX = 1_000;

/**
 * The plugin also listens to the window's errors, and throws for events without an error object (a script of another origin,
 * `throw null`). The app would see that as its own error, so the plugin gets a window whose listeners can't throw.
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
              // The error itself is captured elsewhere.
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
