/** Shows progress on standard error: a bar on a terminal, elsewhere a line every few seconds. */
import type { OnProgress } from '../store/port.js';

export interface Progress {
  /** The total may change. */
  update: OnProgress;
  /** Ends the line; the last state stays. */
  stop(): void;
}

const LINE_EVERY_MS = 5_000;

/** Shows the progress of `work`; `label` names it, `unit` is what is counted. */
export async function withProgress<T>(
  label: string,
  unit: string,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const { update, stop } = await startProgress(label, unit);
  return work(update).finally(stop);
}

/** The same, until the caller stops it. */
export async function startProgress(label: string, unit: string): Promise<Progress> {
  return process.stderr.isTTY ? startBar(label, unit) : startLines(label, unit);
}

async function startBar(label: string, unit: string): Promise<Progress> {
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% | {value} of {total} ${unit} | {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr,
    formatValue: (value, _, type) =>
      type === 'value' || type === 'total' ? value.toLocaleString('en') : `${value}`,
  });
  let started = false;
  return {
    update({ done, total }) {
      if (!started) bar.start(total, 0);
      started = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

function startLines(label: string, unit: string): Progress {
  let next = performance.now() + LINE_EVERY_MS;
  return {
    update({ done, total }) {
      if (performance.now() < next) return;
      next = performance.now() + LINE_EVERY_MS;
      console.error(`${label}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${unit}`);
    },
    stop: () => {},
  };
}
