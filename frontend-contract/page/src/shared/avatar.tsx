import { useState } from "react";

interface AvatarProps {
  readonly name: string;
  readonly url: string | null;
  readonly size?: "small" | "large";
  /** The name stands beside it, or is the button's: screen readers pass it by. */
  readonly ornament?: boolean;
}

/** Somebody's picture, or their initials where there is none or its link has expired. */
export function Avatar({ name, url, size, ornament = false }: AvatarProps) {
  const [failed, setFailed] = useState<string>();
  const look = `avatar ${size ?? ""} hue-${hue(name)}`;
  const label = ornament ? "" : `Picture of ${name}`;
  if (url !== null && url !== failed) {
    return <img className={look} src={url} alt={label} onError={() => setFailed(url)} />;
  }
  // The letters are drawn by the style sheet: they are a picture, and no text of what they stand in.
  const letters = { className: look, "data-initials": initials(name) };
  return ornament ? <span {...letters} aria-hidden="true" /> : <span {...letters} role="img" aria-label={label} />;
}

function initials(name: string): string {
  const words = name.split(/[\s.@_-]+/u).filter((word) => /^\p{L}/u.test(word));
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? name];
  return letters
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}

/** One of eight colours, the same for the same name. */
function hue(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 8;
  return sum;
}
