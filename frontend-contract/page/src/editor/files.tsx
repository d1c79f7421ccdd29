import { Icon } from "../shared/icon";
import { bytes } from "../window/attachments";
import type { DraftFile } from "./draft";
import type { PendingUpload } from "./use-uploads";

interface FilesProps {
  readonly files: readonly DraftFile[];
  readonly pending: readonly PendingUpload[];
  readonly onRemove: (fileId: string) => void;
}

/** What goes along, and what is still on its way to the server. */
export function Files({ files, pending, onRemove }: FilesProps) {
  if (files.length === 0 && pending.length === 0) return null;
  return (
    <ul className="attachments" aria-label="Files to send">
      {files.map((file) => (
        <li key={file.id} className="chip">
          <Icon of="file" />
          <span className="filename">{file.name}</span>
          <span className="size">{bytes(file.size)}</span>
          <button type="button" className="plain" title="Remove" onClick={() => onRemove(file.id)}>
            <Icon of="close" name={`Remove ${file.name}`} />
          </button>
        </li>
      ))}
      {pending.map((upload) => (
        <li key={upload.key} className="chip">
          <Icon of="file" />
          <span className="filename">{upload.name}</span>
          <progress value={upload.done} max={1} aria-label={upload.name} />
          <button type="button" className="plain" title="Stop" onClick={upload.stop}>
            <Icon of="close" name={`Stop ${upload.name}`} />
          </button>
        </li>
      ))}
    </ul>
  );
}
