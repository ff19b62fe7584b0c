/** The context message: tells whoever booked what became of it. The same as components/message, which is in Rust; each reads the other's state. */

import { context, event, follow, get, pageOf, record, u64 } from "innkeeper-sdk";
import { Message, messages, OCCASIONS, write, written } from "./message.js";

/** What message reads of a reservation's events. */
const Reservation = record({ rsvId: u64, roomId: u64 });

const reservationConfirmed = event("ReservationConfirmed", Reservation);
const reservationCancelled = event("ReservationCancelled", Reservation);

export default context({
  summary: "Messages to whoever booked.",
  tables: [messages, written],
  routes: [
    get("/messages", { summary: "The messages, oldest first.", paging: true, answers: pageOf(Message) }, ({ paging }) => messages.page(paging)),
    get("/messages/{id}", { summary: "A message.", path: { id: u64 }, answers: Message }, ({ path }) => messages.find(path.id)),
  ],
  follows: [
    follow("reservation", reservationConfirmed, ({ rsvId, roomId }) => write(rsvId, roomId, OCCASIONS.confirmed)),
    follow("reservation", reservationCancelled, ({ rsvId, roomId }) => write(rsvId, roomId, OCCASIONS.cancelled)),
  ],
});

