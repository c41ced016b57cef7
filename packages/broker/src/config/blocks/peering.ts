import { block, byKind, field, list, type OptionsOf, oneOrMore, type Reader, refine } from "../reader.js";
import { duration, flag, text, url, wordOf } from "../scalars.js";

/** What to do when a connection does not take data in time. */
export const writeTimeout = wordOf({ default: "default", close: "close", retry: "retry" } as const);

/** How data between brokers is compressed. `on` is the default mode of the place. */
export const COMPRESSION_MODES = {
  on: "on",
  enabled: "on",
  true: "on",
  off: "off",
  disabled: "off",
  false: "off",
  accept: "accept",
  auto: "s2_auto",
  s2_auto: "s2_auto",
  fast: "s2_fast",
  s2_fast: "s2_fast",
  better: "s2_better",
  s2_better: "s2_better",
  best: "s2_best",
  s2_best: "s2_best",
  s2_uncompressed: "s2_uncompressed",
  not_supported: "not_supported",
  "not supported": "not_supported",
} as const;

const mode = wordOf(COMPRESSION_MODES);

const compressionFields = {
  mode: field("mode", mode),
  rttThresholdsMs: field(
    "rtt_thresholds thresholds rtts rtt",
    list(duration(Number.NEGATIVE_INFINITY)),
    "Round trip times from which on `s2_auto` compresses harder.",
  ),
};

/** Compression between brokers. */
export type CompressionConfig = OptionsOf<typeof compressionFields>;

/** Source: nats-server opts.go `parseCompression`, server.go `validateAndNormalizeCompressionOption`. */
export const compression: Reader<CompressionConfig> = byKind<CompressionConfig>(
  {
    boolean: refine(flag, (on) => Object.freeze({ mode: on ? "on" : "off" } as const)),
    string: refine(mode, (word) => Object.freeze({ mode: word })),
    map: block(compressionFields),
  },
  "a boolean, a mode, or a map of mode and rtt_thresholds",
);

/** URLs, each once. */
export const urls: Reader<readonly string[]> = refine(oneOrMore(url), (all, given) => {
  const unique = [...new Set(all)];
  if (unique.length < all.length) given.warn(`${given.name} has a URL twice`);
  return Object.freeze(unique);
});

/** A list of names. */
export const names = oneOrMore(text);
