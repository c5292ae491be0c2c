/** What a recording leaves out: the recorder's options, and what they miss. */
import { record } from '@rrweb/record';
import type { eventWithTime } from '@rrweb/types';
import type { Options } from '../options.js';
import type { Client } from '../seam.js';

type Attributes = Record<string, unknown>;

/** The fields of a serialised node that are used here. */
interface SerialisedNode {
  id: number;
  attributes?: Attributes;
  childNodes?: SerialisedNode[];
}

const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const META = 4;
const MUTATION = 0;

/** Attributes that are shown or read out as text. */
const TEXT_ATTRIBUTES = ['title', 'alt', 'placeholder', 'label', 'aria-label', 'aria-description'];
/** Fields to type in, besides inputs. */
const TYPED = 'textarea, [contenteditable]:not([contenteditable="false"])';
/** Masked by the recorder whatever the options say. */
const MASKED_CLASS = '.rr-mask';

/** The recorder's options. Throws for an invalid selector, with which the recorder would silently mask nothing. */
export function maskingOptions({ maskInputs, maskText, block }: Options) {
  const all = maskInputs === 'all';
  const masked = [maskText, all ? TYPED : ''].filter(Boolean).join(', ');
  for (const selector of [masked, block])
    if (selector) document.createDocumentFragment().querySelector(selector);
  return {
    // By tag: the recorder's `maskAllInputs` goes by type, and does not mask types that it does not know.
    maskInputOptions: { password: true, ...(all && { input: true, textarea: true, select: true }) },
    ...(masked && { maskTextSelector: masked }),
    ...(block && { blockSelector: block }),
  };
}

/** Removes what the recorder leaves in an event: unscrubbed page URLs, and masked texts in attributes. */
export function createCleaner(client: Client): (event: eventWithTime) => void {
  const masked = [client.options.maskText, MASKED_CLASS].filter(Boolean).join(', ');

  const clean = (id: number, attributes: Attributes) => {
    const element = record.mirror.getNode(id) as HTMLInputElement | null;
    // For a field that is empty now, the recorder takes the value from the markup.
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
