import { useEffect, useRef, useState } from "react";
import { postroom } from "../api";
import { isAbort, words } from "../shared/words";
import { draftOf, keepDraft } from "./draft";

export interface PendingUpload {
  readonly key: string;
  readonly name: string;
  /** From 0 to 1. */
  readonly done: number;
  readonly stop: () => void;
}

/** Files on their way; those that have come are in the draft. */
export function useUploads(conversationId: string) {
  const [pending, setPending] = useState<readonly PendingUpload[]>([]);
  const [trouble, setTrouble] = useState<string>();
  const running = useRef(new Set<AbortController>());
  useEffect(() => {
    const all = running.current;
    return () => {
      for (const one of all) one.abort();
    };
  }, []);

  async function upload(file: File) {
    const end = new AbortController();
    const key = crypto.randomUUID();
    running.current.add(end);
    setPending((all) => [...all, { key, name: file.name, done: 0, stop: () => end.abort() }]);
    try {
      const { id } = await postroom.upload(file, {
        signal: end.signal,
        onProgress: ({ sent, total }) =>
          setPending((all) => all.map((one) => (one.key === key ? { ...one, done: sent / Math.max(total, 1) } : one))),
      });
      const { files } = draftOf(conversationId);
      keepDraft(conversationId, { files: [...files, { id, name: file.name, size: file.size }] });
    } catch (error) {
      if (!isAbort(error)) setTrouble(`${file.name}: ${words(error)}`);
    } finally {
      running.current.delete(end);
      setPending((all) => all.filter((one) => one.key !== key));
    }
  }

  function add(files: Iterable<File>) {
    setTrouble(undefined);
    for (const file of files) void upload(file);
  }

  return { pending, trouble, add };
}
