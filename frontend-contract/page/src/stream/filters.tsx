import type { CardQuery } from "@postroom/client";
import { useMe } from "../shared/me";
import { setFilter, useAddress } from "../shared/router";

const VIEWS = { mine: "My conversations", all: "All conversations" } as const;
const STATUSES = { open: "Open conversations", closed: "Closed conversations", all: "All statuses" } as const;
const ORDERS = { newest: "Newest > Oldest", oldest: "Oldest > Newest" } as const;

type Filters = Pick<CardQuery, "view" | "status" | "sort">;

/** The filters that the address has; what it doesn't name is as the API has it by default. */
export function useFilters(): Filters {
  const query = useAddress().searchParams;
  const me = useMe();
  const all = me.can.view_all;
  return {
    view: all ? chosen(VIEWS, query.get("view"), "all") : "mine",
    status: chosen(STATUSES, query.get("status"), "open"),
    sort: chosen(ORDERS, query.get("sort"), "newest"),
  };
}

function chosen<K extends string>(options: Record<K, string>, text: string | null, byDefault: K): K {
  return text !== null && text in options ? (text as K) : byDefault;
}

export function FilterBar({ view, status, sort }: Filters) {
  const me = useMe();
  return (
    <div className="filters">
      {me.can.view_all && (
        <Choice name="view" label="Whose conversations" options={VIEWS} value={view} byDefault="all" />
      )}
      <Choice name="status" label="Status" options={STATUSES} value={status} byDefault="open" />
      <Choice name="sort" label="Order" options={ORDERS} value={sort} byDefault="newest" />
    </div>
  );
}

interface ChoiceProps<K extends string> {
  readonly name: string;
  readonly label: string;
  readonly options: Record<K, string>;
  readonly value: K;
  readonly byDefault: K;
}

function Choice<K extends string>({ name, label, options, value, byDefault }: ChoiceProps<K>) {
  return (
    <select aria-label={label} value={value} onChange={(event) => setFilter(name, event.target.value, byDefault)}>
      {Object.entries<string>(options).map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  );
}
