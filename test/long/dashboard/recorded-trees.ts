/** Trees of recorded nodes, as a recorder tells of them. */
export interface Tree {
  id: number;
  childNodes?: Tree[];
}

/** The same nodes under ids that nothing else has. */
export const shifted = (node: Tree, by: number): Tree => ({
  ...node,
  id: node.id + by,
  ...(node.childNodes ? { childNodes: node.childNodes.map((child) => shifted(child, by)) } : {}),
});

/** A tree as the recorder tells of additions: node by node, parents first. */
export function flatten(node: Tree, parentId: number): object[] {
  const { childNodes = [], ...own } = node;
  const add = {
    parentId,
    nextId: null,
    node: { ...own, ...('childNodes' in node ? { childNodes: [] } : {}) },
  };
  return [add, ...childNodes.flatMap((child) => flatten(child, node.id))];
}
