/** Random UUIDs, on pages served by plain HTTP too, where `crypto.randomUUID` is missing. */

/** A version 4 UUID (RFC 9562), of 120 random bits. */
export function uuid(): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (byte & 15).toString(16);
  });
}
