/** The JavaScript SDK of Innkeeper: write a bounded context as one module, and declare it once with `context`. */

export { answer, Answer, created, noContent, ok } from "./src/answer.js";
export { pageOf } from "./src/answers.js";
export { calls } from "./src/calls.js";
export { config } from "./src/config.js";
export { context } from "./src/context.js";
export { cancel, emit, emitAfter, event, follow } from "./src/event.js";
export { Identity, invocation } from "./src/invocation.js";
export { log } from "./src/log.js";
export * as outbound from "./src/outbound.js";
export { Page, Paging } from "./src/paging.js";
export { Failure, Fault, Problem, Reject, Retry, Taken } from "./src/problem.js";
export { del, get, patch, post, put } from "./src/route.js";
export { counter, table } from "./src/table.js";
export {
  big, bool, bytes, char, f32, f64, list, map, oneOf, optional, record, s128, s16, s32, s64, s8, text, tuple, u128, u16, u32, u64, u8, unit, variant,
} from "./src/types.js";
