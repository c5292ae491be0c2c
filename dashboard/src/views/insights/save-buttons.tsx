/** The two ways to take a panel's content away. */
import type { RefObject } from 'preact';
import { savePng } from '../../ui/save.js';

interface SaveButtonsProps {
  /** Of the panel, for those who hear the buttons' names alone. */
  title: string;
  /** Of the file, without its ending. */
  name: string;
  /** Absent while there is nothing to save. */
  csv: (() => void) | undefined;
  svg?: RefObject<SVGSVGElement>;
}

export function SaveButtons({ title, name, csv, svg }: SaveButtonsProps) {
  if (csv === undefined) return null;
  return (
    <>
      <button type="button" class="button quiet" aria-label={`${title} as CSV`} onClick={csv}>
        CSV
      </button>
      {svg !== undefined && (
        <button
          type="button"
          class="button quiet"
          aria-label={`${title} as PNG`}
          onClick={() => {
            if (svg.current !== null) savePng(name, svg.current);
          }}
        >
          PNG
        </button>
      )}
    </>
  );
}
