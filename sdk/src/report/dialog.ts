/** The elements of the bug report: the button, and the dialog that it opens. */

const SEVERITIES = [
  ['low', 'Low: cosmetic'],
  ['medium', 'Medium: I can work around it'],
  ['high', 'High: I’m blocked'],
] as const;
const COMMENT_MAX = 5_000;

export function createDialog() {
  const open = element('button', { type: 'button', className: 'open', textContent: 'Report a bug' });
  open.setAttribute('aria-haspopup', 'dialog');
  const title = element('h2', { id: 'title', textContent: 'Report a bug' });
  const comment = element('textarea', {
    id: 'comment',
    required: true,
    maxLength: COMMENT_MAX,
    autofocus: true,
  });
  const send = element('button', { className: 'send', textContent: 'Send' });
  const cancel = element('button', { type: 'button', textContent: 'Cancel' });
  const form = element(
    'form',
    {},
    element('label', { htmlFor: 'comment', textContent: 'What went wrong?' }),
    comment,
    element('fieldset', {}, element('legend', { textContent: 'How bad is it?' }), ...severities()),
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
  return { open, dialog, form, comment, send, cancel, status, outcome, close };
}

const severities = () =>
  SEVERITIES.map(([value, text]) => {
    const input = element('input', {
      type: 'radio',
      name: 'severity',
      value,
      defaultChecked: value === 'medium',
    });
    return element('label', {}, input, text);
  });

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
