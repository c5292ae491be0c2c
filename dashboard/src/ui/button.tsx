/** The dashboard's buttons, and links within text. */
import type { ComponentChildren, JSX } from 'preact';

interface ButtonProps extends Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, 'class'> {
  /** `primary`, `quiet`, `icon-only`, or classes of a view's own. */
  kind?: string;
}

export function Button({ kind, ...props }: ButtonProps) {
  return <button type="button" class={kind === undefined ? 'button' : `button ${kind}`} {...props} />;
}

export function TextLink({ href, children }: { href: string; children: ComponentChildren }) {
  return (
    <a class="text-link" href={href}>
      {children}
    </a>
  );
}
