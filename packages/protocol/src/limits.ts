/**
 * Default port of client connections.
 *
 * Source: nats-server const.go `DEFAULT_PORT`.
 */
export const DEFAULT_PORT = 4222;

/**
 * Protocol level a server reports in INFO `proto`: 1 means it understands `echo` and sends further INFOs.
 *
 * Source: nats-server const.go `PROTO`.
 */
export const PROTOCOL_LEVEL = 1;

/**
 * Longest argument part of a control line, in bytes.
 *
 * Source: nats-server const.go `MAX_CONTROL_LINE_SIZE`.
 */
export const DEFAULT_MAX_CONTROL_LINE_BYTES = 4096;

/**
 * Longest payload of a message including its headers, in bytes.
 *
 * Source: nats-server const.go `MAX_PAYLOAD_SIZE`.
 */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;

/**
 * Bytes a connection may have waiting to be written before it is cut off as a slow consumer.
 *
 * Source: nats-server const.go `MAX_PENDING_SIZE`.
 */
export const DEFAULT_MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Connections at one time. Source: nats-server const.go `DEFAULT_MAX_CONNECTIONS`. */
export const DEFAULT_MAX_CONNECTIONS = 64 * 1024;

/** Time a connection has for authentication. Source: nats-server const.go `AUTH_TIMEOUT`. */
export const DEFAULT_AUTH_TIMEOUT_MS = 2_000;

/** Time between keepalive PINGs. Source: nats-server const.go `DEFAULT_PING_INTERVAL`. */
export const DEFAULT_PING_INTERVAL_MS = 120_000;

/** Delay of a connection's first PING. Source: nats-server server.go `firstClientPingInterval`. */
export const FIRST_PING_DELAY_MS = 2_000;

/** PINGs without an answer before a connection is stale. Source: nats-server const.go `DEFAULT_PING_MAX_OUT`. */
export const DEFAULT_MAX_PINGS_OUT = 2;

/** Time one write to a socket may take. Source: nats-server const.go `DEFAULT_FLUSH_DEADLINE`. */
export const DEFAULT_WRITE_DEADLINE_MS = 10_000;

/** Most digits of a size on a control line. Source: nats-server util.go `parseSize` (`maxParseSizeLen`). */
export const MAX_SIZE_DIGITS = 9;
