/** Limits the recorder's cost: counts the mutations before it handles them, and times its work. */

export interface Guard {
  /** Must be called after the recorder has begun, so that its observer runs between the guard's two observers. */
  recorderBegan(): void;
  stop(): void;
}

/** The most mutated nodes that are recorded at once: the recorder takes at least some 20 µs for each. */
export const BURST_NODES_MAX = 3_000;
/** The longest time that the recorder may take within `COST_WINDOW_MS`. */
const COST_MS_MAX = 500;
const COST_WINDOW_MS = 5_000;

const EVERYTHING = { childList: true, subtree: true, attributes: true, characterData: true };

/**
 * Watches the document's mutations. Calls `tooMuch` before the recorder sees a burst, or after the recorder took too long for the
 * mutations of some seconds. Observers run in the order in which they began to observe: the guard's first one before the recorder's,
 * its second one after. A recorder that the first one stops does not see the burst.
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

/** How many nodes the records concern, with those inside added and removed nodes; stops counting at a burst. */
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
