/**
 * An esbuild plugin that leaves the recording of canvases out of the recorder, which the SDK never switches on: its
 * share of the replay chunk is a tenth, and its worker would need a `blob:` in the app's Content-Security-Policy.
 */
import { readFileSync } from 'node:fs';

const RECORDER = /@rrweb[\\/]record[\\/]dist[\\/]record\.js$/;
const CANVAS_MANAGER = /^class CanvasManager \{\n[\s\S]*?^\}$/gm;
/** What the recorder calls whether canvases are recorded or not. */
const EMPTY = 'class CanvasManager { reset() {} freeze() {} unfreeze() {} lock() {} unlock() {} }';

export const withoutCanvas = {
  name: 'without-canvas',
  setup({ onLoad }) {
    onLoad({ filter: RECORDER }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (text.match(CANVAS_MANAGER)?.length !== 1) {
        return {
          errors: [{ text: 'This version of the recorder does not have the one CanvasManager expected.' }],
        };
      }
      return { contents: text.replace(CANVAS_MANAGER, EMPTY), loader: 'js' };
    });
  },
};
