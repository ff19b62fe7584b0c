/** What a context says of its routes, and that it is what they do. */

import assert from "node:assert/strict";
import test from "node:test";
import {
  answer, big, context, created, del, get, list, map, noContent, oneOf, ok, optional, pageOf, post, put, record, table, text, tuple, u32, u64, u8,
} from "../index.js";
import { component } from "../src/component.js";
import { Refused, TestContext } from "../testing.js";

const Note = record({ id: u64, text: text.upTo(500) }).named("Note", "What was left.");
const NewNote = record({ text: text.upTo(500), tags: optional(list(text)), priority: u8.or(3) });
const notes = table("notes", u64, Note);

const declared = context({
  summary: "Notes.",
  tables: [notes],
  routes: [
    post("/notes", { summary: "Leaves a note.", body: NewNote, answers: { 201: Note } }, ({ body }) => {
      const note = { id: notes.nextId(), text: body.text };
      notes.put(note.id, note);
      return created(`/notes/${note.id}`, note);
    }),
    get("/notes", { paging: true, query: { author: optional(text), kind: oneOf("short", "long").or("short") }, answers: pageOf(Note) }, ({ paging }) => notes.page(paging)),
    get("/notes/{id}/{*part}", { path: { id: big(u64) }, answers: Note }, ({ path }) => notes.find(Number(path.id))),
    del("/notes/{id}", { path: { id: u64 }, answers: { 204: null } }, ({ path }) => notes.delete(path.id)),
    post("/shout", () => "anything"),
  ],
});

/** What the host is told, with the types in the place of their numbers. */
function documented(of) {
  const { types, annotations, routes } = component(of, {}, {}, {}).document.document();
  const said = (place) => {
    const all = annotations.filter(({ value }) => value === place).map(({ annotation }) => [annotation.tag, annotation.val ?? true]);
    return all.length === 0 ? {} : { said: Object.fromEntries(all) };
  };
  const whole = (place) => {
    const { tag, val } = types[place];
    const parts = {
      scalar: () => val,
      optional: () => whole(val),
      list: () => whole(val),
      map: () => val.map(whole),
      tuple: () => val.map(whole),
      record: () => val.map(field),
      variant: () => val.map(({ name, value }) => [name, value === null ? null : whole(value)]),
    };
    return { [tag]: parts[tag](), ...said(place) };
  };
  const field = ({ name, value, hasDefault }) => [name, whole(value), hasDefault];
  const route = ({ method, path, summary, parameters, query, body, answers }) => ({
    name: `${method} ${path}`,
    summary,
    parameters: parameters.map(field),
    query: query.map(field),
    body: body.tag === "json" ? whole(body.val) : body.tag,
    answers: answers.map(({ status, mediaType, value }) => [status, mediaType, value === null ? null : whole(value)]),
  });
  return Object.fromEntries(routes.map(route).map(({ name, ...rest }) => [name, rest]));
}

/** What is said of numbers that a number of JavaScript holds exactly. */
const ID = { scalar: "u64", said: { value: { least: 0, most: Number.MAX_SAFE_INTEGER } } };
const NOTE = { record: [["id", ID, false], ["text", { scalar: "string" }, false]], said: { name: "Note", description: "What was left." } };

test("what a route takes and answers is told from its declaration", () => {
  const { "POST /notes": leave, "GET /notes": all, "GET /notes/{id}/{*part}": show, "DELETE /notes/{id}": remove, "POST /shout": shout } = documented(declared);
  const limited = { scalar: "string", said: { length: { least: 1, most: 500 }, pattern: "\\S" } };
  assert.deepEqual(leave, {
    summary: "Leaves a note.",
    parameters: [],
    query: [],
    body: {
      record: [["text", limited, false], ["tags", { optional: { list: { scalar: "string" } } }, false], ["priority", { scalar: "u8" }, true]],
      said: { closed: true },
    },
    // What was stored before there was a limit is longer, and answered all the same.
    answers: [[201, "application/json", NOTE]],
  });
  assert.deepEqual(all.query, [
    ["page", { optional: { scalar: "u32" } }, false],
    ["after", { optional: { scalar: "u64" } }, false],
    ["size", { optional: { scalar: "u32", said: { value: { least: 1, most: 100 } } } }, false],
    ["author", { optional: { scalar: "string" } }, false],
    ["kind", { variant: [["short", null], ["long", null]] }, true],
  ]);
  assert.deepEqual(all.answers, [
    [
      200,
      "application/json",
      {
        record: [
          ["items", { list: NOTE }, false],
          ["page", { scalar: "u32" }, true],
          ["after", { scalar: "u64" }, true],
          ["size", { scalar: "u32" }, false],
          ["total", ID, false],
        ],
        said: { name: "NotePage", description: "A part of a collection, oldest first." },
      },
    ],
  ]);
  assert.deepEqual(show.parameters, [["id", { scalar: "u64" }, false]]);
  assert.deepEqual(remove.answers, [[204, null, null]]);
  assert.deepEqual([show.body, remove.body], ["nothing", "nothing"]);
  assert.deepEqual(shout, { summary: null, parameters: [], query: [], body: "something", answers: [] });
});

test("a route that reads one of the names of a paging itself says what it reads", () => {
  const of = context({ summary: "Shoes.", routes: [get("/shoes", { paging: true, query: { size: u8 } }, () => null)] });
  const { query } = documented(of)["GET /shoes"];
  assert.deepEqual(query.filter(([name]) => name === "size"), [["size", { scalar: "u8" }, false]]);
  assert.equal(query.length, 3);
});

test("what is told is what is answered", () => {
  const guest = new TestContext(declared);
  assert.equal(guest.post("/notes", { text: "Hello" }).status, 201);
  assert.deepEqual(guest.get("/notes?size=1").body, { items: [{ id: 1, text: "Hello" }], page: 0, size: 1, total: 1 });
  assert.deepEqual(guest.get("/notes?after=1").body, { items: [], after: 1, size: 20, total: 1 });
  assert.equal(guest.get("/notes/1/all").body.text, "Hello");
  assert.equal(guest.get("/notes/2/all").status, 404);
  assert.equal(guest.delete("/notes/1").status, 204);
});

test("a test sees an answer that is another than the route says", () => {
  const guest = new TestContext(
    context({
      summary: "Says one thing and does another.",
      routes: [
        get("/shape", { answers: Note }, () => ({ id: 1 })),
        get("/status", { answers: { 201: Note } }, () => ok({ id: 1, text: "" })),
        get("/body", { answers: { 200: null } }, () => "some"),
        get("/text", { answers: text }, () => answer(200, "plain", { "content-type": "text/plain" })),
        get("/charset", { answers: Note }, () => answer(200, '{"id":1,"text":""}', { "content-type": "application/json; charset=utf-8" })),
        get("/none", { answers: { 200: null, 204: null } }, () => noContent()),
      ],
    }),
  );
  const differs = (path, says) => assert.throws(() => guest.get(path), (error) => error instanceof Refused && error.message.includes(says));
  differs("/shape", "missing field `text`");
  differs("/status", "do not have this status");
  differs("/body", "it has a body");
  differs("/text", "it is no JSON");
  assert.deepEqual(guest.get("/charset").body, { id: 1, text: "" });
  assert.equal(guest.get("/none").status, 204);
});

test("types of which the same is said are told once, and a body's are stricter than an answer's", () => {
  const place = (name) => record({ name: text, x: u32 }).storedAs(name);
  const of = context({
    summary: "Places.",
    routes: [post("/places", { body: record({ from: place("a"), to: place("b") }), answers: record({ from: place("c") }) }, () => null)],
  });
  const { types, annotations } = of.document();
  const records = types.filter(({ tag }) => tag === "record");
  assert.equal(records.length, 4);
  assert.deepEqual(annotations.map(({ annotation }) => annotation.tag), ["closed", "closed"]);
  assert.equal(types.filter(({ tag, val }) => tag === "scalar" && val === "string").length, 1);
});

test("a text that may have any length, and must not be blank, has no most", () => {
  const { "PUT /text": any } = documented(context({ summary: "Texts.", routes: [put("/text", { body: record({ text: text.upTo(Infinity) }) }, () => null)] }));
  assert.deepEqual(any.body.record[0][1].said, { length: { least: 1, most: null }, pattern: "\\S" });
});

test("a map whose keys are no names is pairs in a body, as it is read", () => {
  const key = tuple(u8, u8);
  const { "PUT /map": put_ } = documented(
    context({ summary: "Maps.", routes: [put("/map", { body: record({ cells: map(key, text) }) }, () => null)] }),
  );
  assert.deepEqual(put_.body.record, [
    ["cells", { list: { tuple: [{ tuple: [{ scalar: "u8" }, { scalar: "u8" }] }, { scalar: "string" }] } }, false],
  ]);
});

test("a type has the name that its author gives it, and keywords, wherever it is used", () => {
  const Email = text.upTo(320).named("Email").keyword("format", "email").keyword("examples", ["a@b.example"]);
  const Guest = record({ email: Email, id: big(u64.named("GuestId", "Who it is.")), other: optional(Email.keyword("format", "idn-email")) }).named("Guest", "Who stays.");
  const { "PUT /guest": put_ } = documented(context({ summary: "Guests.", routes: [put("/guest", { body: Guest, answers: list(Guest) }, () => null)] }));
  const limits = { length: { least: 1, most: 320 }, pattern: "\\S" };
  assert.deepEqual(put_.body.said, { name: "Guest", description: "Who stays.", closed: true });
  const [[, email], [, id], [, other]] = put_.body.record;
  // The last of several keywords.
  assert.deepEqual(email.said, { name: "Email", keyword: ["examples", '["a@b.example"]'], ...limits });
  assert.deepEqual(id.said, { name: "GuestId", description: "Who it is." });
  assert.deepEqual(other.optional.said, { name: "Email", keyword: ["format", '"idn-email"'], ...limits });
  const [[, , answered]] = put_.answers;
  assert.deepEqual(answered.list.said, { name: "Guest", description: "Who stays." });
  // What it says of itself is another type's no more than its default is.
  assert.equal(text.ownName, undefined);
  const said = (type) => type.remarks.map(({ tag, val }) => [tag, val]);
  assert.deepEqual(said(Guest.named("Visitor")), [["name", "Visitor"]]);
  assert.deepEqual(said(text.keyword("format", "a").keyword("format", "b")), [["keyword", ["format", '"b"']]]);
  assert.deepEqual(said(text.keyword("deprecated", true).named("Old").or("")), [["name", "Old"], ["keyword", ["deprecated", "true"]]]);
});

test("what cannot be said is refused where it is said", () => {
  const handler = () => null;
  assert.throws(() => text.named(""), /the name of a type is a text of 1 to 128 bytes, not the text ""/);
  assert.throws(() => text.named("ä".repeat(65)), /1 to 128 bytes/);
  assert.throws(() => text.named("Text", "x".repeat(5000)), /the description of a type is a text of 1 to 4096 bytes/);
  assert.throws(() => text.keyword("$ref", "#"), /a keyword is letters, digits and hyphens/);
  assert.throws(() => text.keyword("default", undefined), /the value of the keyword default is no JSON/);
  assert.throws(() => get("/a", { answers: { 404: Note } }, handler), /GET \/a says what it answers with 404/);
  assert.throws(() => get("/a", { answers: { 200: "Note" } }, handler), /GET \/a says no type of what it answers with 200/);
  assert.throws(() => get("/a", { summary: 7 }, handler), /the `summary` of GET \/a is no text/);
});
