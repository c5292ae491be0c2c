/** Random UUIDs, on pages served by plain HTTP too, where `crypto.randomUUID` is missing. */

/** A version 4 UUID (RFC 9562), of 120 random bits. */
export function uuid(): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    // An array of one number is that number.
    (Number(crypto.getRandomValues(new Uint8Array(1))) & 15).toString(16),
  );
}
