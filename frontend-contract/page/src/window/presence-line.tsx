import { usePresence } from "./use-presence";

/** Who else is here, so that two don't answer the same mail. */
export function PresenceLine({ id }: { readonly id: string }) {
  const present = usePresence(id);
  const writing = present.filter((one) => one.state === "writing").map((one) => one.user.name);
  const viewing = present.filter((one) => one.state === "viewing").map((one) => one.user.name);
  const text = [
    writing.length > 0 ? `${listed(writing)} ${writing.length > 1 ? "are" : "is"} writing` : "",
    viewing.length > 0 ? `${listed(viewing)} ${viewing.length > 1 ? "are" : "is"} here too` : "",
  ]
    .filter((part) => part !== "")
    .join(" · ");
  if (text === "") return null;
  return (
    <p className="presence" role="status" aria-label={text} data-writing={writing.length > 0}>
      {text}
    </p>
  );
}

const list = new Intl.ListFormat("en", { type: "conjunction" });

function listed(names: readonly string[]): string {
  return list.format(names);
}
