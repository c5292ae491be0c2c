/** Buttons that save a panel's numbers as CSV and its chart as PNG. */
import type { RefObject } from 'preact';
import type { Cell } from '../format/csv.js';
import { Button } from './button.js';
import { saveCsv, savePng } from './save.js';

interface SaveButtonsProps {
  /** Of the panel, for screen readers. */
  title: string;
  /** Of the files, without extension. */
  name: string;
  header: readonly string[];
  rows: readonly (readonly Cell[])[];
  svg?: RefObject<SVGSVGElement>;
}

export function SaveButtons({ title, name, header, rows, svg }: SaveButtonsProps) {
  if (rows.length === 0) return null;
  const button = (kind: string, save: () => void) => (
    <Button kind="quiet" aria-label={`${title} as ${kind}`} onClick={save}>
      {kind}
    </Button>
  );
  return (
    <>
      {button('CSV', () => saveCsv(name, header, rows))}
      {svg !== undefined && button('PNG', () => svg.current && savePng(name, svg.current))}
    </>
  );
}
