import type { Counter, Gauge, Histogram, Meter, UpDownCounter } from "@opentelemetry/api";

/**
 * Bucket bounds of durations, in seconds. The SDK's defaults are meant for milliseconds and start at 5:
 * every message would fall into the first bucket.
 */
const DURATION_BUCKETS_SECONDS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const DURATION_NAME = /[._](duration|seconds)$/;

/** The instruments of a meter, each created when it is first used and then kept. */
export class Instruments {
  private readonly counters = new Map<string, Counter>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly upDownCounters = new Map<string, UpDownCounter>();
  private readonly gauges = new Map<string, Gauge>();

  constructor(private readonly meter: Meter) {}

  counter(name: string): Counter {
    return kept(this.counters, name, () => this.meter.createCounter(name));
  }

  /** A name that ends in `duration` or `seconds` is a time in seconds and gets buckets that fit. */
  histogram(name: string): Histogram {
    return kept(this.histograms, name, () =>
      DURATION_NAME.test(name)
        ? this.meter.createHistogram(name, {
            unit: "s",
            advice: { explicitBucketBoundaries: DURATION_BUCKETS_SECONDS },
          })
        : this.meter.createHistogram(name),
    );
  }

  upDownCounter(name: string): UpDownCounter {
    return kept(this.upDownCounters, name, () => this.meter.createUpDownCounter(name));
  }

  gauge(name: string): Gauge {
    return kept(this.gauges, name, () =>
      this.meter.createGauge(name, DURATION_NAME.test(name) ? { unit: "s" } : {}),
    );
  }
}

function kept<T>(instruments: Map<string, T>, name: string, create: () => T): T {
  let instrument = instruments.get(name);
  if (instrument === undefined) {
    instrument = create();
    instruments.set(name, instrument);
  }
  return instrument;
}
