import { createContext, useContext } from "react";
import type { api } from "../api";

export const MeContext = createContext<api.Me | undefined>(undefined);

/** Who is signed in. */
export function useMe(): api.Me {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error("Only for parts that are shown to who is signed in");
  return me;
}
