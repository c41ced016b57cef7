import type { JsonObject } from "../json-object.js";
import type { BrokerView } from "../monitoring/broker-view.js";

/**
 * Whether a request that many brokers hear is for this one.
 *
 * Source: nats-server events.go `EventFilterOptions`, `filterRequest`.
 */
export function isForBroker(options: JsonObject, { context }: BrokerView): boolean {
  const { server_name = "", host } = context.info();
  const { serverTags = [], jetstream } = context.options;
  const isExact = options.flag("exact_match");
  const fits = (wanted: string, own: string) =>
    isExact && wanted !== "" ? own === wanted : own.includes(wanted);
  const domain = options.text("domain");
  return (
    fits(options.text("server_name"), server_name) &&
    fits(options.text("host"), host) &&
    fits(options.text("cluster"), "") &&
    options.texts("tags").every((tag) => serverTags.includes(tag)) &&
    (domain === "" || domain === jetstream?.domain)
  );
}
