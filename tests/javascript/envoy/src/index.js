/** Asks outside, at once or when an event says so. The same as tests/components/envoy, which is in Rust. */

import { context, emit, event, follow, noContent, outbound, post, Problem, record, Retry, table, text, u16, u64 } from "innkeeper-sdk";

/** Whom to ask, and what. */
const Errand = record({ url: text, said: text });
const answers = table("answers", u64, u16);
const errandGiven = event("ErrandGiven", Errand, { subject: () => "errand" });

/** What a case of an error is called in Rust. */
const inRust = (kind) => kind.replace(/(?:^|-)([a-z])/g, (_, letter) => letter.toUpperCase());

function send({ body: { url, said } }) {
  try {
    const response = outbound.post(url, { headers: { "x-own": "mine" }, body: said });
    answers.put(answers.nextId(), response.status);
    return { status: response.status, from: response.header("X-From") ?? null, body: response.text() };
  } catch (error) {
    if (error instanceof outbound.Error) throw new Problem(502, `${inRust(error.kind)}: ${error.message}`);
    throw error;
  }
}

function run({ url, said }) {
  try {
    answers.put(answers.nextId(), outbound.post(url, { body: said }).status);
  } catch (error) {
    throw error instanceof outbound.Error ? new Retry(error.message) : error;
  }
}

export default context({
  summary: "Asks outside.",
  tables: [answers],
  routes: [
    post("/envoys", { body: Errand }, send),
    post("/errands", { body: Errand }, ({ body }) => {
      emit(errandGiven, body);
      return noContent();
    }),
  ],
  publishes: [errandGiven],
  follows: [follow("envoy", errandGiven, run)],
});
