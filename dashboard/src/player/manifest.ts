/** All chunks of a recording: a long one's manifest comes in pages. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Answers, client } from '../api/client.js';
import { type PlacedChunk, placed } from './times.js';

type Page = Answers['replay'];

/** The chunks of the first page, where it is given, and of those that follow. */
export async function allChunks(app: string, session: string, first?: Page): Promise<PlacedChunk[]> {
  const chunks = [...(first?.chunks ?? [])];
  for (let cursor = first === undefined ? '' : first.next_cursor; cursor !== undefined; ) {
    const page: Page = await client.ask('replay', { id: session, app, cursor });
    chunks.push(...page.chunks);
    cursor = page.next_cursor;
  }
  return placed(chunks);
}

/** The same for a view; `undefined` until all are there. */
export function useAllChunks(app: string, session: string, first: Page | undefined) {
  const [found, setFound] = useState<{ of: Page; chunks: PlacedChunk[] }>();
  const known = useMemo(() => first && placed(first.chunks), [first]);
  useEffect(() => {
    if (first?.next_cursor === undefined) return;
    const show = (chunks: PlacedChunk[]) => setFound({ of: first, chunks });
    allChunks(app, session, first).then(show, () => show(placed(first.chunks)));
  }, [first]);
  if (first?.next_cursor === undefined) return known;
  return found !== undefined && found.of === first ? found.chunks : undefined;
}
