/** Server-side events with the delivery rules of the browser. */
export {};
