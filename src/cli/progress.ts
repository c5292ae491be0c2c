/** Progress of what takes long: a bar on a terminal, a plain line now and then elsewhere. Always on standard error. */

export interface Progress {
  /** `done` of `total` units so far; a changed total is fine. */
  update(done: number, total: number): void;
  /** Leaves the last state standing and ends the line. */
  stop(): void;
}

/** Plain lines come no closer together than this. */
const LINE_EVERY_MS = 5_000;

/** Begins to show progress; `label` says what is going on, `unit` what is counted. */
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
    update(done, total) {
      if (!started) bar.start(total, 0);
      started = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

function startLines(label: string, unit: string): Progress {
  let next = Date.now() + LINE_EVERY_MS;
  return {
    update(done, total) {
      if (Date.now() < next) return;
      next = Date.now() + LINE_EVERY_MS;
      console.error(`${label}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${unit}`);
    },
    stop: () => {},
  };
}
