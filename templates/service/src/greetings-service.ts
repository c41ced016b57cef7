import {
  type DataOut,
  type EventContext,
  Handler,
  type HandlerContext,
  type In,
  inject,
  Service,
  Subscriber,
} from "@ganglion/core";
import { Greetings } from "./contract.js";
import { GuestBook } from "./guest-book.js";

@Service(Greetings)
export class GreetingsService {
  private readonly guests = inject(GuestBook);

  /** Answers requests on the subject `greetings.greet`; instances share them. */
  @Handler(Greetings.greet)
  async greet({ name }: In<typeof Greetings.greet>, ctx: HandlerContext<typeof Greetings.greet>) {
    if (name === "Mallory") throw ctx.error("NOT_WELCOME", { name });
    await ctx.emit(Greetings.greeted, { name });
    return { message: `Hello, ${name}!` };
  }

  /** Handles each event once it is stored; when it throws, the event is delivered again. */
  @Subscriber(Greetings.greeted, { durable: "guest-book" })
  onGreeted({ name }: DataOut<typeof Greetings.greeted>, ctx: EventContext<typeof Greetings.greeted>) {
    this.guests.add(name);
    ctx.log.info("greeted", { name });
  }
}
