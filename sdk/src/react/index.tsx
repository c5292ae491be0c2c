/** `@spyglass/sdk/react`: starts with the app, captures pageviews of any router and errors that React caught. */
'use client';
import { Component, type ErrorInfo, type ReactNode, useEffect, useState } from 'react';
import { boundary } from '../auto/watch-errors.js';
import { spyglass } from '../index.js';
import type { InitOptions } from '../options.js';

export interface SpyglassProviderProps {
  /** One object, since React reserves the prop `key`. */
  options: InitOptions;
  children?: ReactNode;
}

/**
 * Starts the SDK before its children render, so that their effects can capture; once, however often React renders or mounts it.
 * Follows changes of `user`; the other options are those of the first render. Does nothing on a server. Throws what `init` throws.
 */
export function SpyglassProvider({ options, children }: SpyglassProviderProps): ReactNode {
  useState(() => spyglass.init(options));
  const { id, name, email } = options.user;
  useEffect(() => spyglass.setUser({ id, name, email }), [id, name, email]);
  return children;
}

/**
 * Captures a pageview when `path` changes, for routers whose paths are not in the address bar, or for names such as `/orders/:id`.
 * Switch automatic pageviews off with `pageviews: false`.
 */
export function usePageview(path: string | null): void {
  useEffect(() => {
    if (path !== null && path !== viewed) spyglass.pageview(path);
    viewed = path;
  }, [path]);
}

/** The last path viewed. Strict mode runs first effects twice, and a layout may mount again on the same page. */
let viewed: string | null = null;

export interface SpyglassErrorBoundaryProps {
  children?: ReactNode;
  /** Shown instead of failed children; a function gets the error and a function that renders them again. */
  fallback?: ReactNode | ((error: unknown, retry: () => void) => ReactNode);
}

interface State {
  failed: { error: unknown } | undefined;
}

/** Captures errors thrown while its children render, each once, although React also logs them. */
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
