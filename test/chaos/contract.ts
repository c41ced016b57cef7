import { contract, event, rpc, task } from "@ganglion/core";
import * as z from "zod";

const Item = z.object({ id: z.string() });

/** What the services under chaos do. */
export const Chaos = contract("chaos", {
  version: "1.0.0",
  /** Answers what it was asked. */
  ask: rpc({ input: Item, output: Item }),
  /** Gives a number out, always the same for one idempotency key. */
  number: rpc({ input: Item, output: z.object({ number: z.string() }) }),
  /** Is done at least once. */
  work: task({ data: Item }),
  /** Is never done. */
  poison: task({ data: Item }),
  /** Has one effect: an event. */
  apply: task({ data: Item }),
  applied: event({ data: Item }),
  /** Reaches its subscriber at least once. */
  happened: event({ data: Item }),
});
