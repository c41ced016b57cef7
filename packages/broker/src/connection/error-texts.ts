/**
 * The texts of -ERR. Clients match them, so they are nats-server's to the letter.
 *
 * Source: nats-server client.go, parser.go and errors.go.
 */
export const ERROR_TEXT = {
  unknownOperation: "Unknown Protocol Operation",
  authorizationViolation: "Authorization Violation",
  authenticationTimeout: "Authentication Timeout",
  userAuthenticationExpired: "User Authentication Expired",
  accountAuthenticationExpired: "Account Authentication Expired",
  userAuthenticationRevoked: "User Authentication Revoked",
  maxAccountConnectionsExceeded: "maximum account active connections exceeded",
  maxConnectionsExceeded: "maximum connections exceeded",
  maxPayloadViolation: "Maximum Payload Violation",
  maxControlLineExceeded: "maximum control line exceeded",
  staleConnection: "Stale Connection",
  invalidClientProtocol: "invalid client protocol",
  noRespondersRequiresHeaders: "no responders requires headers support",
  maxSubscriptionsExceeded: "maximum subscriptions exceeded",
  tlsRequired: "Secure Connection - TLS Required",
  throttled: "Connection throttling is active. Please try again later.",
  invalidSubject: "Invalid Subject",
  invalidPublishSubject: "Invalid Publish Subject",
} as const;

/** One of the texts of {@link ERROR_TEXT}, or a permission violation that names a subject. */
export type ErrorText =
  | (typeof ERROR_TEXT)[keyof typeof ERROR_TEXT]
  | `Permissions Violation for ${"Publish" | "Subscription"} to "${string}"${"" | ` using queue "${string}"` | ", too many tokens" | ` (sid "${string}")` | ` using queue "${string}" (sid "${string}")`}`
  | `Permissions Violation for Publish with Reply of "${string}"`;
