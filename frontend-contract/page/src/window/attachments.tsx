import type { api } from "../api";
import { Icon } from "../shared/icon";

/** A message's files. Pictures that stand in its text are seen there. */
export function Attachments({ attachments }: { readonly attachments: readonly api.Attachment[] }) {
  const files = attachments.filter((one) => !one.inline);
  if (files.length === 0) return null;
  return (
    <ul className="attachments" aria-label="Attachments">
      {files.map((file) => {
        const name = file.filename ?? "File without a name";
        return (
          <li key={file.id}>
            <a href={file.url} target="_blank" rel="noreferrer">
              <Icon of="file" />
              <span>
                {name}, <span className="size">{bytes(file.size)}</span>
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

/** A size for people. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`;
  if (size < 1_000_000) return `${Math.round(size / 1000)} kB`;
  return `${(size / 1_000_000).toFixed(1)} MB`;
}
