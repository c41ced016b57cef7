/**
 * The nats-server version whose client protocol and JetStream features this broker has. Clients decide by it which
 * features they use, so it is raised only when every feature of that level is there.
 */
export const REPORTED_VERSION = "2.14.2";

/** Level of the JetStream API that goes with {@link REPORTED_VERSION}. Source: nats-server jetstream_versioning.go `JSApiLevel`. */
export const API_LEVEL = 4;
