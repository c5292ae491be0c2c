/** The bug-report button: it opens a dialog, in a closed shadow root that the app's styles and recordings can't reach. */
import type { Part } from '../seam.js';
import { STYLES } from './styles.js';

const SEVERITIES = [
  ['low', 'Low: cosmetic'],
  ['medium', 'Medium: I can work around it'],
  ['high', 'High: I’m blocked'],
] as const;
const NAME_MAX = 80;
const COMMENT_MAX = 5_000;
const ARRIVED = 'Thank you. Your report has arrived.';
const KEPT =
  'Your report has not arrived yet. It is kept here and goes out as soon as the collector can be reached.';

export const start: Part = (client) => {
  const host = element('div', { id: 'spyglass-report' });
  const root = host.attachShadow({ mode: 'closed' });
  const open = element('button', { type: 'button', className: 'open', textContent: 'Report a bug' });
  open.setAttribute('aria-haspopup', 'dialog');

  const title = element('h2', { id: 'title', textContent: 'Report a bug' });
  const comment = element('textarea', {
    id: 'comment',
    required: true,
    maxLength: COMMENT_MAX,
    autofocus: true,
  });
  const severities = SEVERITIES.map(([value, text]) => {
    const input = element('input', {
      type: 'radio',
      name: 'severity',
      value,
      defaultChecked: value === 'medium',
    });
    return element('label', {}, input, text);
  });
  const send = element('button', { className: 'send', textContent: 'Send' });
  const cancel = element('button', { type: 'button', textContent: 'Cancel' });
  const form = element(
    'form',
    {},
    element('label', { htmlFor: 'comment', textContent: 'What went wrong?' }),
    comment,
    element('fieldset', {}, element('legend', { textContent: 'How bad is it?' }), ...severities),
    element('p', {
      className: 'note',
      textContent: 'Includes this page’s address and, where recording is on, a recording of what you did.',
    }),
    element('div', { className: 'row' }, cancel, send),
  );
  // There from the start and merely filled later: screen readers announce changes of what they know.
  const status = element('p', {});
  status.setAttribute('role', 'status');
  const close = element('button', { type: 'button', textContent: 'Close' });
  const outcome = element('div', { className: 'row', hidden: true }, close);
  const dialog = element('dialog', {}, title, form, status, outcome);
  dialog.setAttribute('aria-labelledby', 'title');

  const show = (step: 'form' | 'outcome', text: string) => {
    form.hidden = step !== 'form';
    outcome.hidden = step === 'form';
    status.textContent = text;
  };
  const submit = async () => {
    const severity = new FormData(form).get('severity');
    const text = comment.value.trim();
    send.disabled = true;
    send.textContent = 'Sending…';
    const arrived = await client
      .deliver({
        type: 'bug_report',
        name: text.slice(0, NAME_MAX).replace(/[\ud800-\udbff]$/, ''),
        props: { comment: text, severity },
      })
      .catch(() => false);
    send.disabled = false;
    send.textContent = 'Send';
    form.reset();
    show('outcome', arrived ? ARRIVED : KEPT);
    close.focus();
  };

  const on = <E extends Event>(target: EventTarget, type: string, work: (event: E) => unknown) =>
    target.addEventListener(type, client.guard(work) as EventListener);
  on(open, 'click', () => {
    show('form', '');
    dialog.showModal();
  });
  on(comment, 'input', () =>
    comment.setCustomValidity(comment.value.trim() ? '' : 'Please say what went wrong.'),
  );
  on(form, 'submit', (event) => {
    event.preventDefault();
    if (!send.disabled) return submit();
  });
  for (const button of [cancel, close]) on(button, 'click', () => dialog.close());
  // What is typed here is none of the app's shortcuts.
  for (const type of ['keydown', 'keyup', 'keypress']) on(root, type, (event) => event.stopPropagation());

  style(root, client.options.nonce);
  root.append(open, dialog);
  const attach = () => document.body.append(host);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', attach);
  else attach();
  client.onStop(() => {
    document.removeEventListener('DOMContentLoaded', attach);
    host.remove();
  });
};

/** Constructed sheets need no `style-src`; where there are none, a nonce lets the element through. */
function style(root: ShadowRoot, nonce: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(element('style', { nonce, textContent: STYLES }));
  }
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
