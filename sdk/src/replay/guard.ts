/** The recorder's guard: counts what it is given to do before it does it, and times what it did. */

export interface Guard {
  /** To be called once the recorder has begun, whose work lies between the guard's two looks at each mutation. */
  recorderBegan(): void;
  stop(): void;
}

/** More mutated nodes in one go than this are not recorded: the recorder takes some 20 µs or more for each. */
export const BURST_NODES_MAX = 3_000;
/** In a window of `COST_WINDOW_MS`, the recorder may take this long. */
const COST_MS_MAX = 500;
const COST_WINDOW_MS = 5_000;

const EVERYTHING = { childList: true, subtree: true, attributes: true, characterData: true };

/**
 * Watches the document's mutations and calls `tooMuch` before the recorder sees a burst, or after it has taken too
 * long for those of some seconds. Observers are told in the order in which they began to observe: the guard's first
 * one before the recorder's, its second one after. A recorder stopped by the first is never told.
 */
export function startGuard(tooMuch: (reason: 'burst' | 'cost') => void): Guard {
  let startMs = 0;
  let windowMs = 0;
  let costMs = 0;

  const before = new MutationObserver((records) => {
    if (nodesOf(records) > BURST_NODES_MAX) return tooMuch('burst');
    startMs = performance.now();
  });
  const after = new MutationObserver(() => {
    const nowMs = performance.now();
    if (nowMs - windowMs > COST_WINDOW_MS) {
      windowMs = nowMs;
      costMs = 0;
    }
    costMs += nowMs - startMs;
    if (costMs > COST_MS_MAX) tooMuch('cost');
  });
  before.observe(document, EVERYTHING);
  return {
    recorderBegan: () => after.observe(document, EVERYTHING),
    stop: () => {
      before.disconnect();
      after.disconnect();
    },
  };
}

/** How many nodes the records are about, those inside of added and removed ones too; stops counting once it is a burst. */
function nodesOf(records: readonly MutationRecord[]): number {
  let nodes = records.length;
  for (const { addedNodes, removedNodes } of records) {
    for (const list of [addedNodes, removedNodes]) {
      for (const node of list) {
        if (nodes > BURST_NODES_MAX) return nodes;
        nodes += 1;
        if (node instanceof Element) nodes += node.getElementsByTagName('*').length;
      }
    }
  }
  return nodes;
}
