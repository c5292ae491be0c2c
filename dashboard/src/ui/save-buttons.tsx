/** The two ways to take what a panel shows away: its numbers, and its picture. */
import type { RefObject } from 'preact';
import type { Cell } from '../format/csv.js';
import { saveCsv, savePng } from './save.js';

interface SaveButtonsProps {
  /** Of the panel, for those who hear the buttons' names alone. */
  title: string;
  /** Of the files, without their ending. */
  name: string;
  header: readonly string[];
  /** None while there is nothing to save. */
  rows: readonly (readonly Cell[])[];
  svg?: RefObject<SVGSVGElement>;
}

export function SaveButtons({ title, name, header, rows, svg }: SaveButtonsProps) {
  if (rows.length === 0) return null;
  const button = (kind: string, save: () => void) => (
    <button type="button" class="button quiet" aria-label={`${title} as ${kind}`} onClick={save}>
      {kind}
    </button>
  );
  return (
    <>
      {button('CSV', () => saveCsv(name, header, rows))}
      {svg !== undefined && button('PNG', () => svg.current && savePng(name, svg.current))}
    </>
  );
}
