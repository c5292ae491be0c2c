/** All chunks of a recording: a long one's manifest comes in pages. */
import { useEffect, useState } from 'preact/hooks';
import { type Answers, type ChunkReference, client } from '../api/client.js';

type Page = Answers['replay'];

/** The chunks of the first page, where it is given, and of those that follow. */
export async function allChunks(app: string, session: string, first?: Page): Promise<ChunkReference[]> {
  const chunks = [...(first?.chunks ?? [])];
  for (let cursor = first === undefined ? '' : first.next_cursor; cursor !== undefined; ) {
    const page: Page = await client.ask('replay', { id: session, app, cursor });
    chunks.push(...page.chunks);
    cursor = page.next_cursor;
  }
  return chunks;
}

/** The same for a view; `undefined` until all are there. */
export function useAllChunks(app: string, session: string, first: Page | undefined) {
  const [found, setFound] = useState<{ of: Page; chunks: ChunkReference[] }>();
  useEffect(() => {
    if (first?.next_cursor === undefined) return;
    const show = (chunks: ChunkReference[]) => setFound({ of: first, chunks });
    allChunks(app, session, first).then(show, () => show(first.chunks));
  }, [first]);
  if (first?.next_cursor === undefined) return first?.chunks;
  return found !== undefined && found.of === first ? found.chunks : undefined;
}
