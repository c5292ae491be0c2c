/** How commands say sizes. */
export const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
