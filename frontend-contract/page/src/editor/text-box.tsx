import { type ClipboardEvent, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { Icon, type IconName } from "../shared/icon";

interface TextBoxProps {
  /** What it begins with; from then on it has its own. */
  readonly html: string;
  readonly onType: (html: string) => void;
  readonly onFiles: (files: Iterable<File>) => void;
  readonly onSend: () => void;
  readonly below: ReactNode;
}

const COMMANDS: readonly { readonly of: IconName; readonly name: string; readonly command: string }[] = [
  { of: "bold", name: "Bold", command: "bold" },
  { of: "italic", name: "Italic", command: "italic" },
  { of: "list", name: "List", command: "insertUnorderedList" },
  { of: "link", name: "Link", command: "createLink" },
];

/** Where one types, with bold, italics, lists and links. The server takes out whatever else there is. */
export function TextBox({ html, onType, onFiles, onSend, below }: TextBoxProps) {
  const box = useRef<HTMLDivElement>(null);
  const first = useRef(html);
  useEffect(() => {
    if (box.current !== null) box.current.replaceChildren(...harmless(first.current));
  }, []);

  const tell = () => onType(box.current?.innerHTML ?? "");

  function run(command: string) {
    box.current?.focus();
    const value = command === "createLink" ? window.prompt("Web address", "https://") : undefined;
    if (value === null) return;
    document.execCommand(command, false, value);
    tell();
  }

  function paste(event: ClipboardEvent) {
    event.preventDefault();
    if (event.clipboardData.files.length > 0) onFiles([...event.clipboardData.files]);
    else document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  }

  function key(event: KeyboardEvent<HTMLDivElement>) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSend();
    } else if (event.key === "Escape") {
      event.currentTarget.blur();
    }
  }

  return (
    <div className="text-box">
      <div className="writing">
        {/* biome-ignore lint/a11y/useSemanticElements: a textarea has no bold letters */}
        <div
          ref={box}
          className="text"
          contentEditable
          role="textbox"
          tabIndex={0}
          aria-multiline="true"
          aria-label="Message"
          data-placeholder="Write an answer"
          onInput={tell}
          onPaste={paste}
          onKeyDown={key}
        />
        {below}
      </div>
      <div className="commands" role="toolbar" aria-label="Format">
        {COMMANDS.map(({ of, name, command }) => (
          <button
            key={command}
            type="button"
            className="plain"
            title={name}
            // The selection stays in the text.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => run(command)}
          >
            <Icon of={of} name={name} />
          </button>
        ))}
      </div>
    </div>
  );
}

const KEPT = new Set(["A", "B", "STRONG", "I", "EM", "U", "UL", "OL", "LI", "P", "DIV", "BR", "SPAN"]);

/** One's own text as it was, and nothing that the buttons don't make. */
function harmless(html: string): Node[] {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  for (const element of [...body.querySelectorAll("*")]) {
    if (!KEPT.has(element.tagName)) {
      element.replaceWith(element.textContent ?? "");
      continue;
    }
    for (const { name, value } of [...element.attributes]) {
      if (!(name === "href" && /^(?:https?:|mailto:)/i.test(value))) element.removeAttribute(name);
    }
  }
  return [...body.childNodes];
}
