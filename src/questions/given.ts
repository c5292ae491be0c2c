/** Makes properties that may be undefined, as zod gives them, into properties that may be missing. */

export type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A copy without the properties that are undefined. */
export function given<T extends object>(parameters: T): Given<T> {
  return Object.fromEntries(
    Object.entries(parameters).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}
