/** The routes the server registers, asked of the server itself: no list of ours can forget one. */
import { createTestServer } from '../api/unit/server.js';

/** How deep a line of fastify's tree is: four columns a level, before the branch. */
const LINE = /^(?<indent>[│ ]*)[├└]── (?<path>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/;
const COLUMNS = 4;

/** Every route as `METHOD /path/:parameter`, sorted. */
export async function registeredRoutes(): Promise<string[]> {
  const server = await createTestServer();
  const tree = server.printRoutes({ commonPrefix: false });
  await server.close();
  const above: string[] = [];
  return tree
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const { indent, path, methods = '' } = LINE.exec(line)?.groups ?? {};
      if (indent === undefined || path === undefined) throw new Error(`no line of a tree: ${line}`);
      above.length = indent.length / COLUMNS;
      above.push(path);
      return methods
        .split(', ')
        .filter(Boolean)
        .map((method) => `${method} ${above.join('')}`);
    })
    .sort();
}
