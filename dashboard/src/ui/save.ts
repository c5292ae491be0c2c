/** Saves a table as CSV, a chart as PNG. */
import { type Cell, toCsv } from '../format/csv.js';

/** Twice the size on the page, for print. */
const PNG_SCALE = 2;
const PNG_MARGIN = 12;
/** The styles that the picture gets as attributes, since outside the page there is no style sheet. */
const PICTURE_STYLES = [
  'fill',
  'stroke',
  'stroke-width',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
];

export function saveCsv(name: string, header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  save(`${name}.csv`, new Blob([toCsv(header, rows)], { type: 'text/csv;charset=utf-8' }));
}

/** Draws the chart as it looks now, on the page's background. */
export async function savePng(name: string, svg: SVGSVGElement): Promise<void> {
  const { width, height } = svg.getBoundingClientRect();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg, width, height))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = (width + 2 * PNG_MARGIN) * PNG_SCALE;
  canvas.height = (height + 2 * PNG_MARGIN) * PNG_SCALE;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(PNG_SCALE, PNG_SCALE);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--paper');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, PNG_MARGIN, PNG_MARGIN, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob !== null) save(`${name}.png`, blob);
}

function standalone(svg: SVGSVGElement, width: number, height: number): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll('*');
  const copies = copy.querySelectorAll('*');
  for (const [index, original] of [...originals].entries()) {
    const style = getComputedStyle(original);
    const target = copies[index];
    for (const name of PICTURE_STYLES) target?.setAttribute(name, style.getPropertyValue(name));
    target?.removeAttribute('class');
  }
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', `${width}`);
  copy.setAttribute('height', `${height}`);
  return new XMLSerializer().serializeToString(copy);
}

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
