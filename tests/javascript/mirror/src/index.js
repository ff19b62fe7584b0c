/** Gives back the numbers that it was given, through each type of WIT that they can be in. */

import { context, Failure } from "innkeeper-sdk";

export default context({
  summary: "Gives back what it was given.",
  offers: {
    "test:numbers/mirror": {
      same: (v, w, of) => ({ ...of, a: v, e: w }),
      fail(v) {
        throw new Failure("bad", v);
      },
    },
  },
});
