/** Small drawings, 20 by 20. Without a name they are an ornament, and screen readers pass them by. */
const PATHS = {
  mail: "M3 5.500h14v9H3zm0 .5 7 5 7-5",
  received: "M15 5 5 15m0-7v7h7",
  sent: "M5 15 15 5m-7 0h7v7",
  check: "m4.500 10.500 3.500 3.500 7.500-8",
  chat: "M4 5.500A1.500 1.500 0 0 1 5.500 4h9A1.500 1.500 0 0 1 16 5.500v6a1.500 1.500 0 0 1-1.500 1.500H9l-3.500 3v-3A1.500 1.500 0 0 1 4 11.500z",
  pencil: "m4 16 .8-3.500L13 4.300l2.700 2.700-8.200 8.200zM11.500 5.800l2.700 2.700",
  clip: "m14.500 9.500-5 5a3 3 0 0 1-4.200-4.200l5.500-5.500a2 2 0 0 1 2.900 2.900l-5.400 5.300a1 1 0 0 1-1.500-1.400l4.700-4.700",
  plus: "M10 4.500v11M4.500 10h11",
  close: "m5.500 5.500 9 9m0-9-9 9",
  back: "M12.500 4.500 7 10l5.500 5.500",
  person: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm-6 6.500c.5-3 3-4.500 6-4.500s5.500 1.500 6 4.500",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v2m0 12v2M2 10h2m12 0h2M4.300 4.300l1.400 1.400m8.600 8.600 1.400 1.400m0-11.400-1.400 1.400m-8.600 8.600-1.400 1.400",
  moon: "M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z",
  leave: "M8 4H5v12h3m2-6h7m-2.500-3 3 3-3 3",
  bold: "M6 4h5a3 3 0 0 1 0 6H6zm0 6h5.500a3 3 0 0 1 0 6H6z",
  italic: "M8.500 4h5m-7 12h5m0-12-3 12",
  list: "M8 5.500h8M8 10h8m-8 4.500h8M4 5.500h.5M4 10h.5M4 14.500h.5",
  link: "M8.500 11.500a3 3 0 0 0 4.300 0l2.300-2.300a3 3 0 0 0-4.300-4.300l-.8.800m1.500 2.800a3 3 0 0 0-4.300 0l-2.300 2.300a3 3 0 0 0 4.300 4.300l.8-.800",
  file: "M6 3h5l3.500 3.500V17H6zm5 0v3.500h3.500",
  warning: "M10 3.500 17.500 16h-15zM10 8v4m0 2v.3",
  retry: "M15.500 8A6 6 0 1 0 16 11m0-7v4h-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ of, name }: { readonly of: IconName; readonly name?: string }) {
  const drawing = <path d={PATHS[of]} />;
  if (name === undefined) {
    return (
      <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
        {drawing}
      </svg>
    );
  }
  return (
    <svg className="icon" viewBox="0 0 20 20" role="img" aria-label={name}>
      {drawing}
    </svg>
  );
}
