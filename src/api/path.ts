/** The path of a request. */

/** Without its query, decoded as the router does; as it is where that cannot be done. */
export function decodedPath(url = '/'): string {
  const [path = ''] = url.split('?', 1);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
