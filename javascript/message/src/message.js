/** The aggregate Message. */

import { record, table, text, u64, unit } from "innkeeper-sdk";

export const Message = record({
  /** Its id. */
  msgId: u64.storedAs("msg_id"),
  /** The room that it is about. */
  roomId: u64.storedAs("room_id"),
  /** What it says. */
  content: text,
}).named("Message", "A message.");

/** The messages. */
export const messages = table("messages", u64, Message);

/** What has been written about each reservation, by reservation and occasion: one message for each. */
export const written = table("written", [u64, u64], unit);

/** What a message is written for, and what it says. The numbers are stored. */
export const OCCASIONS = {
  confirmed: { number: 1, says: (rsvId, roomId) => `Your reservation ${rsvId} of room ${roomId} is confirmed.` },
  cancelled: {
    number: 2,
    says: (rsvId, roomId) => `Your reservation ${rsvId} of room ${roomId} is cancelled, and your payment refunded.`,
  },
};

/** Writes a message, unless there is one about this occasion of the reservation. */
export function write(rsvId, roomId, occasion) {
  const key = [rsvId, occasion.number];
  if (written.has(key)) return;
  written.put(key, null);
  const msgId = messages.nextId();
  messages.put(msgId, { msgId, roomId, content: occasion.says(rsvId, roomId) });
}
