/**
 * A mail's HTML, as the server made it harmless, in a frame of its own: its styles reach nothing else, no script runs in
 * it (the sandbox has no `allow-scripts`), and links open elsewhere. The frame is of the page's origin, so that the page
 * can measure it; without scripts, nothing in it can use that.
 */
import { useEffect, useMemo, useRef, useState } from "react";
import { useTheme } from "../shared/theme";
import sheet from "../styles/mail.css?url";

interface MailHtmlProps {
  readonly html: string;
  readonly title: string;
  /** Whether remote pictures are loaded. */
  readonly pictures: boolean;
  /** A picture's link has expired. */
  readonly onBroken: () => void;
}

export function MailHtml({ html, title, pictures, onBroken }: MailHtmlProps) {
  const [theme] = useTheme();
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(24);
  const paper = useMemo(() => hasColours(html), [html]);
  const document = useMemo(() => {
    const body = prepared(html, pictures);
    // A mail that brings its own colours is shown on white paper, in the dark as well: they were chosen for that.
    const look = paper ? "paper" : theme;
    return `<!doctype html><html data-look="${look}"><head><meta charset="utf-8"><base target="_blank"><link rel="stylesheet" href="${sheet}"></head><body>${body}</body></html>`;
  }, [html, pictures, paper, theme]);
  const broken = useRef(onBroken);
  useEffect(() => {
    broken.current = onBroken;
  });

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    let grows: ResizeObserver | undefined;
    const loaded = () => {
      const inside = element.contentDocument;
      if (inside === null) return;
      const measure = () => setHeight(Math.ceil(inside.documentElement.getBoundingClientRect().height));
      grows?.disconnect();
      grows = new ResizeObserver(measure);
      grows.observe(inside.documentElement);
      measure();
      // One try for each showing: what was read anew has other links, and another document.
      inside.addEventListener("error", ({ target }) => isSigned(target) && broken.current(), {
        capture: true,
        once: true,
      });
    };
    element.addEventListener("load", loaded);
    return () => {
      element.removeEventListener("load", loaded);
      grows?.disconnect();
    };
  }, []);

  return (
    <iframe
      ref={frame}
      className="mail-html"
      data-paper={paper}
      title={title}
      sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
      srcDoc={document}
      height={height}
    />
  );
}

/** Whether a mail says how it is coloured. */
function hasColours(html: string): boolean {
  return /\b(?:bgcolor|color|background)\b\s*[:=]|\bbackground-color\s*:/i.test(html);
}

/** Without the empty lines at its end; its remote pictures with their addresses, which the server held back, where asked for. */
function prepared(html: string, pictures: boolean): string {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  if (pictures) {
    for (const picture of body.querySelectorAll("img[data-remote-src]")) {
      picture.setAttribute("src", picture.getAttribute("data-remote-src") ?? "");
      picture.removeAttribute("data-remote-src");
    }
  }
  trimEnd(body);
  return body.innerHTML;
}

function trimEnd(element: Element): void {
  for (let last = element.lastChild; last !== null; last = element.lastChild) {
    const empty = (last.textContent ?? "").trim() === "";
    const shows = last instanceof Element && (last.matches("img, hr") || last.querySelector("img, hr") !== null);
    if (!empty || shows) {
      if (last instanceof Element) trimEnd(last);
      return;
    }
    last.remove();
  }
}

/** Whether a picture comes by one of the API's own links, which expire. */
function isSigned(target: EventTarget | null): boolean {
  return target !== null && "src" in target && String(target.src).includes("/v1/attachments/");
}
