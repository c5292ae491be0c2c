/** `@spyglass/sdk/next`: the SDK in a layout of Next.js, with the App Router or the Pages Router. */
'use client';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { SpyglassProvider, type SpyglassProviderProps, usePageview } from '../react/index.js';

export { SpyglassErrorBoundary } from '../react/index.js';

/**
 * Goes around `children` in `app/layout.tsx` (or `pages/_app.tsx`): starts the SDK in the browser, and captures a pageview once a
 * route is shown, not when its address changes.
 */
export function Spyglass({ options, children }: SpyglassProviderProps): ReactNode {
  const { pageviews = true } = options;
  return (
    <SpyglassProvider options={{ ...options, pageviews: false }}>
      {pageviews && <Pageviews />}
      {children}
    </SpyglassProvider>
  );
}

function Pageviews(): null {
  usePageview(usePathname());
  return null;
}
