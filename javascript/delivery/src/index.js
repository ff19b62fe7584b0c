/** The context delivery: delivers what was ordered. The same as components/delivery, which is in Rust; each reads the other's state. */

import { context, follow, get, pageOf, u64 } from "innkeeper-sdk";
import { byOrder, deliveries, ended } from "./delivery.js";
import { DeliveryFact, deliveryCancelled, deliveryCompleted, deliveryDue, deliveryStarted, fact, orderCancelled, stockTaken } from "./events.js";
import { holds } from "./hold.js";
import { hold, release } from "./offered.js";
import { cancel, due, start } from "./policy.js";
import { deliveryTime, settings } from "./settings.js";

export default context({
  summary: "Deliveries of orders.",
  offers: { "shop:delivery/deliveries": { hold, release } },
  compensations: { "shop:delivery/deliveries": { hold: "release" } },
  tables: [deliveries, byOrder, ended, holds],
  config: settings,
  ready: () => void deliveryTime(),
  routes: [
    get("/deliveries", { summary: "The deliveries, oldest first.", paging: true, answers: pageOf(DeliveryFact) }, ({ paging }) => deliveries.page(paging).map(fact)),
    get("/deliveries/{id}", { summary: "A delivery.", path: { id: u64 }, answers: DeliveryFact }, ({ path }) => fact(deliveries.find(path.id))),
  ],
  publishes: [deliveryStarted, deliveryCompleted, deliveryCancelled, deliveryDue],
  follows: [follow("products", stockTaken, start), follow("orders", orderCancelled, cancel), follow("delivery", deliveryDue, due)],
});
