/** A user's initials on a colour that depends on the name. */

const TONES = ['accent', 'network', 'pageview', 'report', 'event'] as const;

export function Avatar({ name, large }: { name: string; large?: true }) {
  const words = name.split(/[\s.@_-]+/).filter(Boolean);
  const initials = words.slice(0, 2).map((word) => Array.from(word)[0]?.toUpperCase() ?? '');
  const sum = Array.from(name).reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0);
  return (
    <span class={`avatar avatar-${TONES[sum % TONES.length]}${large ? ' large' : ''}`} aria-hidden="true">
      {initials.join('') || '?'}
    </span>
  );
}
