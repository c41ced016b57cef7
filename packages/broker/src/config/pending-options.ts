import type { BrokerConfig } from "./schema.js";

/** What the broker does with an option it understands and cannot obey. */
export interface WithoutEffect {
  /** The broker would be less safe, or not the one that was asked for. */
  readonly refused: readonly string[];
  /** Nothing depends on it but comfort or speed. */
  readonly ignored: readonly string[];
}

type Pending = Readonly<Partial<Record<keyof BrokerConfig, "refused" | "ignored">>>;

/** Options nothing acts on yet. Whoever makes one work removes its row. */
export const PENDING: Pending = {
  cluster: "refused",
  connectErrorReports: "ignored",
  defaultJetStreamDomain: "refused",
  featureFlags: "ignored",
  gateway: "refused",
  leafnodes: "ignored",
  noFastProducerStall: "ignored",
  noHeaderSupport: "ignored",
  noSublistCache: "ignored",
  profBlockRate: "ignored",
  profPort: "ignored",
  proxyProtocol: "refused",
  reconnectErrorReports: "ignored",
  traceHeaders: "ignored",
  traceVerbose: "ignored",
  writeTimeout: "ignored",
};

/** Tells which of `options` have no effect. */
export function withoutEffect(options: BrokerConfig): WithoutEffect {
  const given = (kind: "refused" | "ignored") =>
    Object.entries(PENDING)
      .filter(([name, how]) => how === kind && isGiven(options[name as keyof BrokerConfig]))
      .map(([name]) => name);
  const refused = given("refused").map((name) => `${name} is not supported yet`);
  const ignored = given("ignored").map((name) => `${name} has no effect yet`);
  const { authCallout, proxyRequired } = options.authorization ?? {};
  // Whoever asks for one of these does not want the users of the file to be enough.
  if (authCallout !== undefined) refused.push("auth_callout is not supported yet");
  if (proxyRequired === true) refused.push("proxy_required of authorization is not supported yet");
  // A listener that is not there is seen by whoever wants to connect; a connection that is not made is not.
  if (options.leafnodes?.remotes?.length) refused.push("remotes of leafnodes are not supported yet");
  return { refused, ignored };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false;
}
