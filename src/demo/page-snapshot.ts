/** A page of the made-up app as rrweb serialises a document, small but complete, with places a pointer can go to. */

/** rrweb's serialised node types that are used here. */
const DOCUMENT = 0;
const DOCTYPE = 1;
const ELEMENT = 2;
const TEXT = 3;

/** Its type says which other fields it has. */
interface SnapshotNode {
  type: number;
  id: number;
}

/** An element and the middle of it, in CSS pixels. */
export interface Spot {
  id: number;
  x: number;
  y: number;
}

export type PageSnapshot = ReturnType<typeof pageSnapshot>;

export const VIEWPORT = { width: 1280, height: 720 };

const ROWS = 8;
const CSS = `
  * { box-sizing: border-box }
  body { margin: 0; font: 14px/1.4 system-ui, sans-serif; color: #1d2733; background: #f3f5f7 }
  nav { position: absolute; inset: 0 auto 0 0; width: 200px; padding-top: 6px; background: #14283d; color: #b9cbdd }
  nav b { display: block; padding: 14px 20px 18px; color: #fff; font-size: 15px }
  nav a { display: block; margin: 2px 10px; padding: 8px 10px; border-radius: 6px } nav a.here { background: #24415f; color: #fff }
  h1 { position: absolute; left: 232px; top: 20px; margin: 0; font-size: 24px; font-weight: 600 }
  input { position: absolute; left: 232px; top: 72px; width: 300px; height: 32px; padding: 0 10px; border: 1px solid #c5ced6; border-radius: 6px; background: #fff; font: inherit }
  button { position: absolute; left: 1080px; top: 20px; width: 160px; height: 38px; border: 0; border-radius: 6px; background: #1f7a5c; color: #fff; font: inherit; font-weight: 600 }
  .row { position: absolute; left: 232px; width: 1008px; height: 44px; display: grid; grid-template-columns: 1.4fr 2fr 1fr 1fr 1fr; align-items: center; padding: 0 18px; background: #fff; border: solid #e1e6ea; border-width: 0 1px 1px }
  .row:first-of-type { border-top-width: 1px; border-radius: 8px 8px 0 0 }
  .row span:first-child { font-weight: 600 } .row span:last-child { justify-self: start; padding: 1px 9px; border-radius: 9px; background: #e8eef4; color: #41586e; font-size: 12px }
  .sign-in { position: absolute; left: 440px; top: 200px; width: 400px; height: 260px; border-radius: 12px; background: #fff; border: 1px solid #e1e6ea }
  .sign-in ~ h1 { left: 480px; top: 226px } .sign-in ~ input { left: 480px; top: 290px; width: 320px; height: 38px } .sign-in ~ button { left: 480px; top: 356px; width: 320px }
  .toast { position: absolute; left: 440px; top: 640px; width: 400px; padding: 14px; border-radius: 8px; text-align: center; background: #b3261e; color: #fff; box-shadow: 0 6px 20px #0003 }`;
const SECTIONS = ['dashboard', 'items', 'invoices', 'orders', 'counts', 'receiving', 'reports', 'settings'];
const THINGS =
  'M8 hex bolt, Ball valve, Euro pallet, Cat6 cable, Label roll, Sealing ring, Gear pump, IP65 lamp'.split(
    ', ',
  );
const STATES = ['in stock', 'low', 'on order', 'open', 'sent', 'checked'];

/** The page at a path of the app; the same path looks the same every time. */
export function pageSnapshot(path: string) {
  let lastId = 0;
  const node = (type: number, fields: object): SnapshotNode => ({ type, id: ++lastId, ...fields });
  const text = (textContent: string, more = {}): SnapshotNode => node(TEXT, { textContent, ...more });
  const element = (tagName: string, attributes: object, childNodes: SnapshotNode[] = []): SnapshotNode =>
    node(ELEMENT, { tagName, attributes, childNodes });

  const section = path.split('/')[1] ?? '';
  const isLogin = path === '/login';
  const placeholder = isLogin ? 'Work email' : 'Search';
  const search = element('input', { type: isLogin ? 'email' : 'search', placeholder, value: '' });
  const button = element('button', {}, [text(buttonLabel(path))]);
  const rows = Array.from({ length: isLogin ? 0 : ROWS }, (_, index) => {
    const cells = rowTexts(path, index).map((cell) => element('span', {}, [text(cell)]));
    return element('div', { class: 'row', style: `top: ${rowTop(index)}px` }, cells);
  });
  const links = SECTIONS.map((name) =>
    element('a', name === section ? { class: 'here' } : {}, [text(capital(name))]),
  );
  const nav = element('nav', {}, [element('b', {}, [text('Harborline Stock')]), ...links]);
  const frame = isLogin ? element('div', { class: 'sign-in' }) : nav;
  const heading = element('h1', {}, [text(headingOf(path))]);
  const body = element('body', {}, [frame, heading, search, button, ...rows]);
  const head = element('head', {}, [
    element('title', {}, [text(`${headingOf(path)} · Harborline Stock`)]),
    element('style', {}, [text(CSS, { isStyle: true })]),
  ]);
  const doctype = node(DOCTYPE, { name: 'html', publicId: '', systemId: '' });
  return {
    document: node(DOCUMENT, { childNodes: [doctype, element('html', { lang: 'en' }, [head, body])] }),
    bodyId: body.id,
    search: { id: search.id, ...(isLogin ? { x: 640, y: 309 } : { x: 382, y: 88 }) },
    button: { id: button.id, ...(isLogin ? { x: 640, y: 375 } : { x: 1160, y: 39 }) },
    rows: rows.map(({ id }, index) => ({ id, x: 620, y: rowTop(index) + 21 })),
    /** The box that says something failed, and its text: new nodes at each call, to be added to the body. */
    toast: () => ({
      box: element('div', { class: 'toast' }),
      label: text('Something went wrong. Please try again.'),
    }),
  };
}

const rowTop = (index: number): number => 124 + index * 44;

function headingOf(path: string): string {
  const [section = '', detail] = path.split('/').filter((part) => part !== '');
  if (section === '' || section === 'login') return 'Harborline Stock';
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
    `SKU-${1_000 + number}`,
    THINGS[number % THINGS.length] ?? '',
    `Bay ${1 + (number % 40)}`,
    `${number % 640} pcs`,
    STATES[number % STATES.length] ?? '',
  ];
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1).replaceAll('-', ' ');
