/** What a recording leaves out: the recorder's own options for it, and what those forget. */
import { record } from '@rrweb/record';
import type { eventWithTime } from '@rrweb/types';
import type { Options } from '../options.js';
import type { Client } from '../seam.js';

type Attributes = Record<string, unknown>;

/** As much of a serialised node as is looked at here. */
interface SerialisedNode {
  id: number;
  attributes?: Attributes;
  childNodes?: SerialisedNode[];
}

const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const META = 4;
const MUTATION = 0;

/** Attributes that people read, or hear, as they do text. */
const TEXT_ATTRIBUTES = ['title', 'alt', 'placeholder', 'label', 'aria-label', 'aria-description'];
/** Where people type, beside inputs. */
const TYPED = 'textarea, [contenteditable]:not([contenteditable="false"])';
/** Masked by the recorder whatever the options say. */
const MASKED_CLASS = '.rr-mask';

/** The recorder's options. Throws for a selector that is none, which the recorder would silently mask nothing by. */
export function maskingOptions({ maskInputs, maskText, block }: Options) {
  const all = maskInputs === 'all';
  const masked = [maskText, all ? TYPED : ''].filter(Boolean).join(', ');
  for (const selector of [masked, block])
    if (selector) document.createDocumentFragment().querySelector(selector);
  return {
    // By tag: the recorder's `maskAllInputs` goes by type, and lets those through that it has not heard of.
    maskInputOptions: { password: true, ...(all && { input: true, textarea: true, select: true }) },
    ...(masked && { maskTextSelector: masked }),
    ...(block && { blockSelector: block }),
  };
}

/** Takes out of an event what the recorder leaves in: page URLs unscrubbed, masked texts that are attributes. */
export function createCleaner(client: Client): (event: eventWithTime) => void {
  const masked = [client.options.maskText, MASKED_CLASS].filter(Boolean).join(', ');

  const clean = (id: number, attributes: Attributes) => {
    const element = record.mirror.getNode(id) as HTMLInputElement | null;
    // The recorder shows the value in the markup of a field that was emptied since.
    if (attributes.value && element?.value === '') attributes.value = '';
    for (const name of TEXT_ATTRIBUTES) {
      const value = attributes[name];
      if (typeof value === 'string' && element?.closest(masked)) attributes[name] = value.replace(/\S/g, '*');
    }
  };
  const walk = ({ id, attributes, childNodes }: SerialisedNode) => {
    if (attributes) clean(id, attributes);
    childNodes?.forEach(walk);
  };

  return ({ type, data }) => {
    if (type === META) data.href = client.scrub(data.href);
    else if (type === FULL_SNAPSHOT) walk(data.node);
    else if (type === INCREMENTAL && data.source === MUTATION) {
      for (const { node } of data.adds) walk(node);
      for (const { id, attributes } of data.attributes) clean(id, attributes);
    }
  };
}
