/** Random UUIDs, also on plain HTTP pages, where `crypto.randomUUID` is missing. */

/** A version 4 UUID (RFC 9562) with 120 random bits. */
export function uuid(): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    // `Number` of an array with one number is that number.
    (Number(crypto.getRandomValues(new Uint8Array(1))) & 15).toString(16),
  );
}
