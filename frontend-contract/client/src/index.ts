export {
  addPage,
  applyEvent,
  belongs,
  type CardKey,
  type CardList,
  type CardQuery,
  cardList,
  order,
  put,
} from "./cards.js";
export { CardStore } from "./cardstore.js";
export { Client, type ClientOptions } from "./client.js";
export { EditConflict, type EditOptions, type Versioned } from "./edit.js";
export type * as api from "./generated/openapi.js";
export type { Answer, Verbs } from "./http.js";
export type { FollowOptions, LiveMessage, LiveState, ReloadReason } from "./live.js";
export {
  ApiProblem,
  isProblem,
  NetworkError,
  type Problem,
  type ProblemMembers,
  type ProblemOf,
  UnexpectedAnswer,
} from "./problems.js";
export { inMemory, type RefreshTokenStore, Session } from "./session.js";
export type { RetryPolicy } from "./transport.js";
export type { Args, Body, Data, EditPath, Element, Init, ListPath, Method, PathWith } from "./types.js";
export type { UploadOptions } from "./upload.js";
