/** A page of the made-up app as rrweb serialises a document, small but whole, with places a pointer can go to. */

/** rrweb's serialised node types that are used here. */
const DOCUMENT = 0;
const DOCTYPE = 1;
const ELEMENT = 2;
const TEXT = 3;

export type SnapshotNode =
  | { type: typeof DOCUMENT; id: number; childNodes: SnapshotNode[] }
  | { type: typeof DOCTYPE; id: number; name: string; publicId: string; systemId: string }
  | {
      type: typeof ELEMENT;
      id: number;
      tagName: string;
      attributes: Record<string, string>;
      childNodes: SnapshotNode[];
    }
  | { type: typeof TEXT; id: number; textContent: string; isStyle?: true };

/** An element and the middle of it, in CSS pixels. */
export interface Place {
  id: number;
  x: number;
  y: number;
}

export interface PageSnapshot {
  document: SnapshotNode;
  /** The first id that no node of the document has. */
  freeId: number;
  bodyId: number;
  search: Place;
  button: Place;
  rows: readonly Place[];
}

export const VIEWPORT = { width: 1280, height: 720 };

const ROWS = 8;
const CSS = `
  body { margin: 0; font: 14px/1.4 system-ui, sans-serif; color: #1d2733; background: #f4f6f8 }
  nav { position: absolute; left: 0; top: 0; width: 200px; height: 720px; background: #17324d; color: #cfe0f0 }
  nav b, nav a { display: block; padding: 12px 20px } nav a.here { background: #24507a; color: #fff }
  h1 { position: absolute; left: 232px; top: 16px; margin: 0; font-size: 24px }
  input { position: absolute; left: 232px; top: 72px; width: 300px; height: 30px; padding: 0 10px }
  button { position: absolute; left: 1080px; top: 20px; width: 160px; height: 38px; border: 0; background: #1f7a5c; color: #fff }
  .row { position: absolute; left: 232px; width: 1008px; height: 43px; line-height: 43px; background: #fff; border-bottom: 1px solid #dde3e9 }
  .row span { display: inline-block; width: 24%; padding-left: 16px }
  .toast { position: absolute; left: 440px; top: 640px; width: 400px; padding: 14px; text-align: center; background: #b3261e; color: #fff }`;
const SECTIONS = ['dashboard', 'items', 'invoices', 'orders', 'counts', 'receiving', 'reports', 'settings'];
const STATES = ['in stock', 'low', 'on order', 'open', 'sent', 'checked'];

/** The page at a path of the app; the same path looks the same every time. */
export function pageSnapshot(path: string): PageSnapshot {
  let freeId = 1;
  const text = (textContent: string): SnapshotNode => ({ type: TEXT, id: freeId++, textContent });
  const element = (
    tagName: string,
    attributes: Record<string, string>,
    childNodes: SnapshotNode[],
  ): SnapshotNode => ({ type: ELEMENT, id: freeId++, tagName, attributes, childNodes });

  const section = path.split('/')[1] ?? '';
  const search = element('input', { type: 'search', placeholder: 'Search', value: '' }, []);
  const button = element('button', {}, [text(buttonLabel(path))]);
  const rows = Array.from({ length: ROWS }, (_, index) => {
    const cells = rowTexts(path, index).map((cell) => element('span', {}, [text(cell)]));
    return element('div', { class: 'row', style: `top: ${rowTop(index)}px` }, cells);
  });
  const links = SECTIONS.map((name) =>
    element('a', name === section ? { class: 'here' } : {}, [text(capital(name))]),
  );
  const body = element('body', {}, [
    element('nav', {}, [element('b', {}, [text('Harborline Stock')]), ...links]),
    element('h1', {}, [text(heading(path))]),
    search,
    button,
    ...rows,
  ]);
  const style: SnapshotNode = { type: TEXT, id: freeId++, textContent: CSS, isStyle: true };
  const head = element('head', {}, [
    element('title', {}, [text(`${heading(path)} · Harborline Stock`)]),
    element('style', {}, [style]),
  ]);
  const document: SnapshotNode = {
    type: DOCUMENT,
    id: freeId++,
    childNodes: [
      { type: DOCTYPE, id: freeId++, name: 'html', publicId: '', systemId: '' },
      element('html', { lang: 'en' }, [head, body]),
    ],
  };
  return {
    document,
    freeId,
    bodyId: body.id,
    search: { id: search.id, x: 382, y: 87 },
    button: { id: button.id, x: 1160, y: 39 },
    rows: rows.map(({ id }, index) => ({ id, x: 620, y: rowTop(index) + 21 })),
  };
}

/** The box that tells a person something failed, to be added to the body under ids from `freeId` on. */
export function toastNodes(freeId: number): { box: SnapshotNode; label: SnapshotNode } {
  return {
    box: { type: ELEMENT, id: freeId, tagName: 'div', attributes: { class: 'toast' }, childNodes: [] },
    label: { type: TEXT, id: freeId + 1, textContent: 'Something went wrong. Please try again.' },
  };
}

const rowTop = (index: number): number => 124 + index * 44;

function heading(path: string): string {
  const [section = '', detail] = path.split('/').filter((part) => part !== '');
  if (section === '') return 'Harborline Stock';
  return detail === undefined ? capital(section) : `${capital(section)} · ${detail}`;
}

function buttonLabel(path: string): string {
  if (path === '/login') return 'Sign in';
  if (path.endsWith('/new')) return 'Review';
  if (path.startsWith('/counts')) return 'Scan';
  return path.startsWith('/reports') ? 'Export' : 'New';
}

function rowTexts(path: string, index: number): string[] {
  const number =
    [...path].reduce((sum, character) => sum * 31 + (character.codePointAt(0) ?? 0), 7 + index * 97) % 9_000;
  return [
    `${1_000 + number}`,
    `Bay ${1 + (number % 40)}`,
    `${number % 640} pcs`,
    STATES[number % STATES.length] ?? '',
  ];
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1).replaceAll('-', ' ');
