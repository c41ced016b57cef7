import type { ShapeDifference } from "./json-shape.js";

/** What is compared. */
export const ENDPOINTS: readonly string[] = [
  "/varz",
  "/connz",
  "/connz?subs=1&auth=1",
  "/connz?subs=detail&sort=msgs_to",
  "/connz?state=closed&subs=1",
  "/connz?state=all&limit=1&offset=1",
  "/connz?cid=99999",
  "/routez",
  "/gatewayz",
  "/leafz",
  "/subsz",
  "/subsz?subs=1&limit=1000",
  "/subsz?subs=1&test=a.b",
  "/accountz",
  "/accountz?acc=$G",
  "/accstatz",
  "/accstatz?unused=1",
  "/jsz",
  "/jsz?accounts=1",
  "/jsz?consumers=1",
  "/jsz?acc=$G&streams=1&config=1",
  "/jsz?accounts=1&streams=1&consumers=1&config=1",
  "/healthz",
  "/healthz?js-enabled-only=true",
  "/healthz?js-server-only=true",
  "/ipqueuesz",
];

/** Requests that are refused, or answered with text. */
export const REFUSALS: readonly string[] = [
  "/nope",
  "/connz/",
  "/connz?sort=nope",
  "/connz?sort=stop",
  "/connz?sort=reason&state=all",
  "/connz?state=nope",
  "/connz?limit=a",
  "/connz?limit=99999999999999999999",
  "/connz?offset=1.5",
  "/connz?cid=-1",
  "/connz?subs=nope",
  "/connz?auth=2",
  "/subsz?test=a.*",
  "/subsz?subs=nope",
  "/accountz?acc=NOPE",
  "/jsz?streams=nope",
  "/jsz?limit=nope",
  "/jsz?leader-only=nope",
  "/accstatz?unused=nope",
  "/routez?subs=nope",
  "/leafz?subs=nope",
  "/healthz?js-enabled-only=nope",
];

/** Objects whose keys are data. */
export const MAPS: ReadonlySet<string> = new Set([".http_req_stats", ".account_detail.mappings"]);

/** Keys that nats-server's own types read as floating point. Source: nats-server monitor.go, sublist.go. */
export const FLOATS: ReadonlySet<string> = new Set([
  "cpu",
  "auth_timeout",
  "tls_timeout",
  "cache_hit_rate",
  "avg_fanout",
]);

/** Why a difference is meant. */
interface Explanation {
  /** Of the endpoints. */
  readonly at: RegExp;
  readonly path: RegExp;
  /** What nats-server has there. @default anything */
  readonly theirs?: string;
  readonly reason: string;
}

/** Differences from 2.9.10. "Newer" keys are those nats-server has today. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    at: /^\/varz/,
    path: /^\.((in|out)_client_(msgs|bytes)|stalled_clients|stale_connections|config_digest|(slow_consumer|stale_connection)_stats)/,
    reason: "newer keys of /varz",
  },
  {
    at: /^\/(varz|jsz)/,
    path: /(^|\.)(api\.level|limits|total)$/,
    reason: "newer keys of JetStream",
  },
  {
    at: /^\/(varz|jsz)/,
    path: /\.config\.sync_always$/,
    reason: "streams in files are synced before a publish is acknowledged; nats-server does not by default",
  },
  { at: /^\/routez/, path: /^\.server_name$/, reason: "newer key of /routez" },
  { at: /^\/leafz/, path: /^\.leafs$/, reason: "2.9 writes null for no leaf nodes, today's nats-server []" },
  {
    at: /^\/subsz$/,
    path: /^\.(limit|now|offset|server_id|total)$/,
    reason: "2.9 leaves out the head when no subscriptions are asked for, today's nats-server does not",
  },
  {
    at: /^\/jsz/,
    path: /\.(stream_detail|consumer_detail)\[\]\.(config\.|ts$)/,
    theirs: "absent",
    reason: "newer keys of streams and consumers",
  },
  { at: /^\/accstatz/, path: /\.(name|num_subscriptions)$/, reason: "newer keys of /accstatz" },
  {
    at: /^\/accountz\?acc=(\$G|A)/,
    path: /^\.account_detail\.imports/,
    reason: "nats-server reaches its own services by imports from $SYS, which shows",
  },
  {
    at: /^\/accountz\?acc=B/,
    path: /\.imports\[\]\.latency/,
    reason: "2.9 repeats the latency of an export at its imports; here it stands at the export",
  },
];

/** Whether a difference is meant; the explanation goes to `used`. */
export function explained(endpoint: string, { path, theirs }: ShapeDifference, used: Set<string>): boolean {
  const found = EXPLANATIONS.find(
    (candidate) =>
      candidate.at.test(endpoint) &&
      candidate.path.test(path) &&
      (candidate.theirs === undefined || candidate.theirs === theirs),
  );
  if (found !== undefined) used.add(found.reason);
  return found !== undefined;
}

/** Explanations of differences that do not exist. */
export function unusedExplanations(used: ReadonlySet<string>): readonly string[] {
  return EXPLANATIONS.map(({ reason }) => reason).filter((reason) => !used.has(reason));
}
