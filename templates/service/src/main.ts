import { embedded } from "@ganglion/broker";
import { createApp } from "@ganglion/core";
import { GreetingsService } from "./greetings-service.js";
import { GuestBook } from "./guest-book.js";

const app = await createApp({
  services: [GreetingsService],
  providers: [GuestBook],
  // A broker of its own for a first start; in production NATS_URL names the servers.
  nats: process.env.NATS_URL ?? embedded({ storeDir: ".ganglion", port: 4222 }),
  handleSignals: true,
});
await app.start();
