/** The document's operations, as types of calls. */
import type { MaybeOptionalInit } from "openapi-fetch";
import type { paths } from "./generated/openapi.js";

export type Method = "get" | "put" | "post" | "patch" | "delete";

/** The paths that have a method. */
export type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends { readonly [K in M]: { readonly responses: unknown } } ? P : never;
}[keyof paths];

type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never;

type Content<R> = R extends { readonly content: { readonly "application/json": infer T } }
  ? T
  : R extends { readonly content: Record<string, infer _Any> }
    ? Blob
    : undefined;

/** What a successful call gives: the JSON of the answer, a `Blob` where it is none, nothing where there is no body. */
export type Data<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { readonly responses: infer R } ? Content<R[keyof R & (200 | 201 | 202 | 204)]> : never;

/** The JSON that a call takes. */
export type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { readonly requestBody: { readonly content: { readonly "application/json": infer T } } }
    ? T
    : never;

/** `params`, `body`, `signal` and the like, as openapi-fetch takes them. */
export type Init<P extends keyof paths, M extends Method> = MaybeOptionalInit<paths[P], M>;

/** The last argument of a call, left out where nothing is needed. */
export type Args<P extends keyof paths, M extends Method> =
  undefined extends Init<P, M> ? [init?: Init<P, M>] : [init: Init<P, M>];

/** The paths whose GET is a list with cursors. */
export type ListPath = {
  [P in PathWith<"get">]: Data<P, "get"> extends {
    readonly data: readonly unknown[];
    readonly next_cursor: string | null;
  }
    ? P
    : never;
}[PathWith<"get">];

/** An element of a list. */
export type Element<P extends ListPath> = Data<P, "get"> extends { readonly data: readonly (infer T)[] } ? T : never;

/** The paths with a JSON merge patch. */
export type EditPath = PathWith<"patch">;
