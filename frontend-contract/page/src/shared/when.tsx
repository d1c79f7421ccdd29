import { ago, fullTime, useNow } from "./time";

/** How long ago something was; the whole time stands in its title. */
export function When({ time }: { readonly time: string }) {
  const now = useNow();
  return (
    <time dateTime={time} title={fullTime(time)}>
      {ago(time, now)}
    </time>
  );
}
