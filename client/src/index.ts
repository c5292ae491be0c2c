/** A typed client of spyglass's API, for browsers and Node: whatever a collector can be asked can be asked here. */
export * from './client.js';
export * from './errors.js';
export type { LiveMessage } from './live.js';
export type * from './types.js';
