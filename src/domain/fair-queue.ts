/** A queue that readers share: it takes from each in turn, and none can fill it alone. */

export interface QueueBounds {
  /** Items of all readers, and of one. */
  max: number;
  maxOfOne: number;
}

export function openFairQueue<Item extends { reader: string }>({ max, maxOfOne }: QueueBounds) {
  /** By reader; whoever's turn is next comes first. */
  const readers = new Map<string, Item[]>();
  let size = 0;
  return {
    size: () => size,
    /** False where there is no room. */
    add(item: Item): boolean {
      const items = readers.get(item.reader) ?? [];
      if (size >= max || items.length >= maxOfOne) return false;
      items.push(item);
      readers.set(item.reader, items);
      size++;
      return true;
    },
    /** The oldest item of the reader whose turn it is. */
    take(): Item | undefined {
      for (const [reader, items] of readers) {
        const item = items.shift();
        readers.delete(reader);
        if (items.length > 0) readers.set(reader, items);
        size--;
        return item;
      }
      return undefined;
    },
    /** Takes out an item, if it still waits. */
    drop(item: Item): void {
      const items = readers.get(item.reader) ?? [];
      const at = items.indexOf(item);
      if (at < 0) return;
      items.splice(at, 1);
      if (items.length === 0) readers.delete(item.reader);
      size--;
    },
  };
}
