/** Where Chromium is: where `CHROMIUM` says, else what the system has (scripts/setup.sh installs it). */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const MAC = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export function chromiumPath(): string {
  const given = process.env["CHROMIUM"];
  if (given !== undefined && given !== "") return given;
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const places = [...NAMES.flatMap((name) => directories.map((directory) => join(directory, name))), ...MAC];
  const found = places.find(executable);
  if (found === undefined) throw new Error("Chromium is missing: scripts/setup.sh installs it");
  return found;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
