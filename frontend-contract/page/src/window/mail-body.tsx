import { useState } from "react";
import type { api } from "../api";
import { MailHtml } from "./mail-html";

/** Neighbouring segments that are shown together. */
export interface Part {
  readonly folded: boolean;
  readonly text: string;
  readonly html: string | null;
}

/** A message's segments as they are shown: what is quoted is folded away. */
export function parts(message: api.Message): readonly Part[] {
  const all: Part[] = [];
  for (const { kind, text, html } of message.segments) {
    if (text.trim() === "" && (html === null || !html.includes("<img"))) continue;
    const folded = kind === "quote";
    const last = all.at(-1);
    if (last !== undefined && last.folded === folded && (last.html === null) === (html === null)) {
      all[all.length - 1] = { folded, text: last.text + text, html: html === null ? null : last.html + html };
    } else all.push({ folded, text, html });
  }
  return all;
}

/** Whether remote pictures are held back. */
export function holdsPictures(message: api.Message): boolean {
  return message.segments.some((segment) => segment.html?.includes("data-remote-src") ?? false);
}

interface MailBodyProps {
  readonly part: Part;
  readonly title: string;
  readonly pictures: boolean;
  readonly onBroken: () => void;
}

export function MailBody({ part, title, pictures, onBroken }: MailBodyProps) {
  const [open, setOpen] = useState(false);
  const shown = !part.folded || open;
  return (
    <>
      {part.folded && (
        <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide quoted text" : "Show quoted text"}
        </button>
      )}
      {shown &&
        (part.html === null ? (
          <p className="mail-text" data-quoted={part.folded}>
            {part.text.trim()}
          </p>
        ) : (
          <MailHtml html={part.html} title={title} pictures={pictures} onBroken={onBroken} />
        ))}
    </>
  );
}
