// Makes src/generated/recorded.ts, what the mocks answer, of the recorded examples. It isn't kept: the examples are.
import { readdir, readFile, writeFile } from "node:fs/promises";

const examples = new URL("../../examples/", import.meta.url);
const document = JSON.parse(await readFile(new URL("../../../openapi/postroom.json", import.meta.url), "utf8"));

async function answers(kind) {
  const directory = new URL(`${kind}/`, examples);
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json")).sort();
  const read = async (name) => {
    const { answer } = JSON.parse(await readFile(new URL(name, directory), "utf8"));
    return [name.slice(0, -".json".length), answer];
  };
  return Object.fromEntries(await Promise.all(names.map(read)));
}

/** The codes with which an operation may refuse. */
function codes({ responses }) {
  const resolve = ({ $ref, ...response }) =>
    $ref ? document.components.responses[$ref.slice("#/components/responses/".length)] : response;
  return Object.values(responses).flatMap((one) =>
    Object.keys(resolve(one).content?.["application/problem+json"]?.examples ?? {}),
  );
}

const routes = [];
for (const [path, item] of Object.entries(document.paths)) {
  for (const method of ["get", "put", "post", "patch", "delete"].filter((method) => item[method])) {
    const { operationId: id, security = [] } = item[method];
    const open = security.some((way) => Object.keys(way).length === 0);
    routes.push({ id, method, path, open, codes: codes(item[method]) });
  }
}
// Whole words before parameters, so that `counts` is no conversation's id.
const rank = ({ path }) => path.replaceAll("{", "~");
routes.sort((one, other) => (rank(one) < rank(other) ? -1 : 1));

const text = `// Made from frontend-contract/examples by scripts/recorded.mjs; don't edit it.
import type { operations, ProblemCode } from "./openapi.js";

export type OperationId = keyof operations;

/** An answer as it was recorded. */
export interface Recorded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Route {
  readonly id: OperationId;
  readonly method: "get" | "put" | "post" | "patch" | "delete";
  readonly path: string;
  /** Whether it answers those who haven't signed in. */
  readonly open: boolean;
  /** With what it may refuse. */
  readonly codes: readonly ProblemCode[];
}

/** Every operation, in the order in which their addresses are to be tried. */
export const routes: readonly Route[] = ${JSON.stringify(routes)};

/** What each operation answered. */
export const answers: Readonly<Record<OperationId, Recorded>> = ${JSON.stringify(await answers("operations"))};

/** What each problem looks like. */
export const problems: Readonly<Record<ProblemCode, Recorded>> = ${JSON.stringify(await answers("problems"))};
`;
await writeFile(new URL("../src/generated/recorded.ts", import.meta.url), text);
