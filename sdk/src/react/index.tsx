/** `@spyglass/sdk/react`: starting with the app, pageviews of any router, and errors that React caught. */
'use client';
import { Component, type ErrorInfo, type ReactNode, useEffect, useState } from 'react';
import { boundary } from '../auto/watch-errors.js';
import { spyglass } from '../index.js';
import type { InitOptions } from '../options.js';

export interface SpyglassProviderProps {
  /** One object: React keeps a prop called `key` to itself. */
  options: InitOptions;
  children?: ReactNode;
}

/**
 * Starts the SDK before anything below is rendered, so that effects of children can capture; once, however often React
 * renders or mounts it. A change of `user` is followed, the other options are those of the first render. Does nothing on a
 * server. Throws what `init` throws.
 */
export function SpyglassProvider({ options, children }: SpyglassProviderProps): ReactNode {
  useState(() => spyglass.init(options));
  const { id, name, email } = options.user;
  useEffect(() => spyglass.setUser({ id, name, email }), [id, name, email]);
  return children;
}

/**
 * Takes a pageview whenever `path` is another, for routers whose paths are not those of the address bar, or names such as
 * `/orders/:id`. Switch the automatic ones off with `pageviews={false}`.
 */
export function usePageview(path: string | null): void {
  useEffect(() => {
    if (path !== null && path !== viewed) spyglass.pageview(path);
    viewed = path;
  }, [path]);
}

/** The last path viewed. Strict mode runs each first effect twice, and a layout may mount anew with the page it is on. */
let viewed: string | null = null;

export interface SpyglassErrorBoundaryProps {
  children?: ReactNode;
  /** Shown in place of children that failed; a function gets the error and what tries them again. */
  fallback?: ReactNode | ((error: unknown, retry: () => void) => ReactNode);
}

interface State {
  failed: { error: unknown } | undefined;
}

/** Captures errors thrown while its children render, once each although React logs them as well. */
export class SpyglassErrorBoundary extends Component<SpyglassErrorBoundaryProps, State> {
  override state: State = { failed: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { failed: { error } };
  }

  override componentDidCatch(error: unknown, { componentStack }: ErrorInfo) {
    boundary.note?.(error, componentStack ?? '');
  }

  override render(): ReactNode {
    const { children, fallback } = this.props;
    const { failed } = this.state;
    if (failed === undefined) return children;
    if (typeof fallback !== 'function') return fallback;
    return fallback(failed.error, () => this.setState({ failed: undefined }));
  }
}
