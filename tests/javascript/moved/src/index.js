/** The app's `message`, with how long each message is: what versions in other languages have written is moved. The same as tests/python/moved. */

import { context, event, follow, get, record, table, text, u64, unit } from "innkeeper-sdk";

const said = { msgId: u64.storedAs("msg_id"), roomId: u64.storedAs("room_id"), content: text };
const Measured = record({ ...said, length: u64 });

const before = table("messages", u64, record(said));
const messages = table("measured", u64, Measured);
const written = table("written", [u64, u64], unit);

const Reservation = record({ rsvId: u64, roomId: u64 });

/** A message becomes one with its length; one about room 13 fails. */
function migrate(number, entry) {
  if (!before.holds(entry)) return [entry];
  const message = before.read(entry);
  if (message.roomId === 13) throw new Error(`from ${number}: nobody was ever told of room 13`);
  return [messages.entry(message.msgId, { ...message, length: message.content.length })];
}

export default context({
  summary: "Messages and how long they are.",
  tables: [messages, written],
  schema: { number: 1, migrate },
  ready: () => {
    if (messages.count() === 0) throw new Error("nobody was told anything yet");
  },
  routes: [get("/messages/{id}", { path: { id: u64 }, answers: Measured }, ({ path }) => messages.find(path.id))],
  follows: [
    follow("reservation", event("ReservationConfirmed", Reservation), () => undefined),
    follow("reservation", event("ReservationCancelled", Reservation), () => undefined),
  ],
});
