// Makes src/generated from the OpenAPI document; `--check` compares instead: a client that is older than its document fails.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../../openapi/postroom.json", import.meta.url);
const made = (name) => new URL(`../src/generated/${name}`, import.meta.url);
const head = "// Made from openapi/postroom.json by `npm run generate`; don't edit it.\n\n";
const methods = ["get", "put", "post", "patch", "delete"];

const document = JSON.parse(await readFile(source, "utf8"));

async function types() {
  const ast = await openapiTS(document, {
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    alphabetize: true,
    immutable: true,
    // Objects whose keys the workspace defines, such as `custom_fields`.
    emptyObjectsUnknown: true,
    // What a server fills in when it is left out may be left out.
    defaultNonNullable: false,
  });
  return head + astToString(ast);
}

/** What types don't tell while the program runs: which operations take an idempotency key, and which give no JSON. */
function operations() {
  const [keyed, bytes] = [[], []];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of methods.filter((method) => item[method])) {
      const name = `${method.toUpperCase()} ${path}`;
      const { parameters = [], responses } = item[method];
      if (parameters.some((one) => one.name === "Idempotency-Key")) keyed.push(name);
      const content = Object.keys(responses["200"]?.content ?? {});
      if (content.length > 0 && !content.includes("application/json")) bytes.push(name);
    }
  }
  const set = (name, what, of) =>
    `/** The operations that ${what}. */\nexport const ${name}: ReadonlySet<string> = new Set([\n${of
      .sort()
      .map((one) => `  ${JSON.stringify(one)},\n`)
      .join("")}]);\n`;
  return `${head}${set("keyed", "take an `Idempotency-Key`", keyed)}\n${set("bytes", "give something else than JSON", bytes)}`;
}

let stale = false;
for (const [name, text] of [
  ["openapi.ts", await types()],
  ["operations.ts", operations()],
]) {
  if (!process.argv.includes("--check")) {
    await writeFile(made(name), text);
    continue;
  }
  const there = await readFile(made(name), "utf8").catch(() => "");
  if (there !== text) {
    console.error(`src/generated/${name} is older than openapi/postroom.json: npm run generate`);
    stale = true;
  }
}
process.exit(stale ? 1 : 0);
