import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { MessagePattern, type MicroserviceOptions, Transport } from "@nestjs/microservices";
import { output } from "../rpc/job.js";
import { ready } from "../rpc/measure.js";

// Decorators are applied by hand: this folder is outside of the project's tsconfig.
class ShopController {
  async place(input: { readonly quantity: number }) {
    return output(input.quantity);
  }
}
const place = Object.getOwnPropertyDescriptor(ShopController.prototype, "place") ?? {};
MessagePattern("bench.place")(ShopController.prototype, "place", place);
Controller()(ShopController);

class ShopModule {}
Module({ controllers: [ShopController] })(ShopModule);

const app = await NestFactory.createMicroservice<MicroserviceOptions>(ShopModule, {
  transport: Transport.NATS,
  options: { servers: [process.argv[2] ?? ""], queue: "bench" },
  logger: false,
});
await app.listen();
ready();
