/** Sending files: with progress where the platform can tell it, and to be called off. */
import type { HttpOptions } from "./http.js";
import { problemOf, UnexpectedAnswer } from "./problems.js";
import { send } from "./transport.js";

export interface UploadOptions {
  /** Called with the bytes that have left, and all there are. */
  readonly onProgress?: (progress: { readonly sent: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
  /** What the file is called; a `File` has a name of its own. */
  readonly filename?: string;
  /** For {@link Client.upload} alone: two with the same key are one file. Left out: a new one. */
  readonly idempotencyKey?: string;
}

/** One file as the part `file` of a form. */
interface Upload {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly file: Blob;
  readonly headers: Record<string, string>;
}

/** Sends a file and gives the answer's JSON. */
export async function upload<T>(what: Upload, how: UploadOptions, options: HttpOptions): Promise<T> {
  const { signal } = how;
  signal?.throwIfAborted();
  const form = new FormData();
  form.append("file", what.file, how.filename ?? (what.file instanceof File ? what.file.name : "file"));
  const url = options.baseUrl + what.path;
  const response = await send(
    {
      repeatable: "Idempotency-Key" in what.headers,
      signal,
      send: (authorization) => {
        const headers: Record<string, string> = { ...what.headers, Accept: "application/json" };
        if (authorization !== undefined) headers["Authorization"] = authorization;
        if (how.onProgress === undefined) return sendPlain(url, what.method, headers, form, how, options);
        return typeof XMLHttpRequest === "undefined"
          ? sendCounted(url, what.method, headers, form, how, options)
          : sendByXhr(url, what.method, headers, form, how);
      },
    },
    options.credentials,
    options.retry,
  );
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new UnexpectedAnswer(response.status, text);
  }
}

function sendPlain(
  url: string,
  method: string,
  headers: Record<string, string>,
  body: FormData,
  how: UploadOptions,
  options: HttpOptions,
): Promise<Response> {
  return options.fetch(url, { method, headers, body, signal: how.signal ?? null });
}

/** So much is handed to the socket at once. */
const PIECE = 64 * 1024;

/** Without XMLHttpRequest: the form as a stream whose reader is the socket. */
async function sendCounted(
  url: string,
  method: string,
  headers: Record<string, string>,
  form: FormData,
  how: UploadOptions,
  options: HttpOptions,
): Promise<Response> {
  const encoded = new Response(form);
  const type = encoded.headers.get("Content-Type") ?? "multipart/form-data";
  const whole = await encoded.blob();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = new Uint8Array(await whole.slice(sent, sent + PIECE).arrayBuffer());
      sent += piece.byteLength;
      controller.enqueue(piece);
      if (sent === whole.size) controller.close();
      how.onProgress?.({ sent, total: whole.size });
    },
  });
  const init = {
    method,
    headers: { ...headers, "Content-Type": type },
    body,
    signal: how.signal ?? null,
    duplex: "half",
  };
  return options.fetch(url, init);
}

/** Browsers tell how far a request's body is only here. */
function sendByXhr(
  url: string,
  method: string,
  headers: Record<string, string>,
  form: FormData,
  how: UploadOptions,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => how.onProgress?.({ sent: loaded, total });
    request.onload = () =>
      resolve(new Response(request.responseText, { status: request.status, headers: headersOf(request) }));
    request.onerror = () => reject(new TypeError("the upload was cut off"));
    request.onabort = () => reject(how.signal?.reason ?? new DOMException("The upload was called off", "AbortError"));
    const stop = () => request.abort();
    how.signal?.addEventListener("abort", stop, { once: true });
    request.onloadend = () => how.signal?.removeEventListener("abort", stop);
    request.send(form);
  });
}

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const line of request
    .getAllResponseHeaders()
    .trim()
    .split(/[\r\n]+/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}
