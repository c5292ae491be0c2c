/** Autocapture: clicks, rage clicks, and the names of changed fields, never their contents. */
import type { Client, Part } from '../seam.js';

interface Burst {
  target: Element;
  count: number;
  /** Of the last click, in CSS pixels. */
  x: number;
  y: number;
  timer: ReturnType<typeof setTimeout>;
}

const RAGE_CLICKS_MIN = 3;
/** Greatest time between two clicks of one burst. */
const RAGE_MS = 1_000;
const RAGE_PX = 30;
const TEXT_MAX = 80;
const SELECTOR_DEPTH_MAX = 4;
/** Elements whose text is a label; the text of others may be personal data. */
const LABELLED = 'button, a, summary, label, [role="button"], [role="link"], [role="tab"], [role="menuitem"]';
/** Attributes that name elements and change less often than classes. */
const NAMING = ['data-testid', 'data-test', 'name', 'aria-label'];

export const start: Part = (client) => {
  let burst: Burst | undefined;
  const endBurst = () => {
    if (burst === undefined) return;
    const { target, count, timer } = burst;
    clearTimeout(timer);
    burst = undefined;
    if (count < RAGE_CLICKS_MIN) return;
    client.record({
      type: 'event',
      name: '$rage_click',
      props: { selector: selectorOf(client, target), count },
    });
  };
  client.onLeave(endBurst);

  listen(client, 'click', (event) => {
    const target = visibleTarget(client, event);
    if (target === undefined || !(event instanceof MouseEvent)) return;
    client.record({
      type: 'event',
      name: '$click',
      props: { selector: selectorOf(client, target), text: labelOf(client, target) },
    });
    const { clientX: x, clientY: y } = event;
    const same = burst !== undefined && Math.hypot(x - burst.x, y - burst.y) <= RAGE_PX;
    const count = same && burst !== undefined ? burst.count + 1 : 1;
    if (!same) endBurst();
    clearTimeout(burst?.timer);
    burst = { target: burst?.target ?? target, count, x, y, timer: setTimeout(endBurst, RAGE_MS) };
  });

  listen(client, 'change', (event) => {
    const target = visibleTarget(client, event);
    if (target === undefined) return;
    const field = target.getAttribute('name') || target.id || selectorOf(client, target);
    client.record({ type: 'event', name: '$form_change', props: { field } });
  });
};

function listen(client: Client, type: string, work: (event: Event) => void): void {
  const listener = client.guard(work);
  document.addEventListener(type, listener, true);
  client.onStop(() => document.removeEventListener(type, listener, true));
}

/** The target of an event, also inside open shadow roots; undefined for blocked elements. */
function visibleTarget(client: Client, event: Event): Element | undefined {
  const [target] = event.composedPath();
  if (!(target instanceof Element)) return undefined;
  return within(target, client.options.block) ? undefined : target;
}

function within(element: Element, selector: string): boolean {
  return selector !== '' && element.closest(selector) !== null;
}

function labelOf(client: Client, target: Element): string | undefined {
  const element = target.closest(LABELLED);
  if (element === null || within(element, client.options.maskText)) return undefined;
  const text = element.textContent?.replace(/\s+/g, ' ').trim() ?? '';
  return text.slice(0, TEXT_MAX).replace(/[\ud800-\udbff]$/, '') || undefined;
}

/** A short CSS selector: up to the nearest element with an id, or four levels. */
function selectorOf(client: Client, target: Element): string {
  const steps: string[] = [];
  for (let at: Element | null = target; at && steps.length < SELECTOR_DEPTH_MAX; at = at.parentElement) {
    steps.unshift(stepOf(client, at));
    if (at.id || at === document.body) break;
  }
  return steps.join(' > ');
}

function stepOf(client: Client, element: Element): string {
  const tag = element.localName;
  if (element.id) return `${tag}#${CSS.escape(element.id)}`;
  for (const name of NAMING) {
    const value = element.getAttribute(name);
    // Screen readers read a label as text, so it is masked as text.
    const masked = name === 'aria-label' && within(element, client.options.maskText);
    if (value && !masked) return `${tag}[${name}=${JSON.stringify(value.slice(0, TEXT_MAX))}]`;
  }
  return (
    tag +
    [...element.classList]
      .slice(0, 2)
      .map((name) => `.${CSS.escape(name)}`)
      .join('')
  );
}
