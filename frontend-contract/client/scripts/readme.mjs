// Puts examples/*.ts into README.md, where they are named: what people copy is what is compiled. `--check` compares.
import { readFile, writeFile } from "node:fs/promises";

const root = new URL("../", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");

const parts = readme.split(/(<!-- examples\/[a-z-]+\.ts -->\n```ts\n[\s\S]*?```\n)/);
const filled = await Promise.all(
  parts.map(async (part) => {
    const [, name] = /^<!-- (examples\/[a-z-]+\.ts) -->/.exec(part) ?? [];
    if (name === undefined) return part;
    const code = await readFile(new URL(name, root), "utf8");
    return `<!-- ${name} -->\n\`\`\`ts\n${code}\`\`\`\n`;
  }),
);
const text = filled.join("");
if (!process.argv.includes("--check")) await writeFile(new URL("README.md", root), text);
else if (text !== readme) {
  console.error("README.md is not what examples/ has: npm run generate");
  process.exit(1);
}
