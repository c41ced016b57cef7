/**
 * The nats-server version whose client protocol and JetStream features this broker has. Clients decide by it which
 * features they use, so it is raised only when every feature of that level is there.
 */
export const REPORTED_VERSION = "2.10.29";
