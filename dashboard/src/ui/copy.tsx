/** A button that copies text. */
import { useEffect, useState } from 'preact/hooks';
import { Button } from './button.js';
import { Icon } from './icons.js';

const SAID_MS = 1_600;

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => setSaid(''), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () =>
    copyText(text).then(
      () => setSaid('Copied'),
      () => setSaid('Not allowed to copy'),
    );
  return (
    <Button onClick={copy} aria-live="polite">
      <Icon name={said === 'Copied' ? 'check' : 'link'} size={14} />
      {said === '' ? label : said}
    </Button>
  );
}

/** Pages without TLS have no `navigator.clipboard`. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('not allowed');
}
