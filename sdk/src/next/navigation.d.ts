/** As much of Next.js as is used, so that building this package does not need all of it. */
declare module 'next/navigation' {
  export function usePathname(): string | null;
}
