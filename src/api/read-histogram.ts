/** Shows Prometheus a histogram that somebody else counts in. */
import { Gauge, Histogram, type Metric } from 'prom-client';
import type { HistogramReading } from '../telemetry/histogram.js';

interface Series {
  labels: Record<string, string>;
  reading: HistogramReading;
}

/** `read` gives the histogram as it is, once for each set of labels. It is in no registry yet. */
export function readHistogram(name: string, help: string, read: () => Series[]): Metric {
  const described = new Histogram({ name, help, registers: [] }).get();
  // The registry asks a histogram itself in a way of its own; of a gauge it takes what `get` gives.
  const metric = new Gauge({ name, help, registers: [] });
  metric.get = async () => ({
    ...(await described),
    values: read().flatMap((series) => valuesOf(name, series)),
  });
  return metric;
}

/** A line for each bound with all that is not above it, then the sum and the count. */
function valuesOf(name: string, { labels, reading: { bounds, counts, sum } }: Series) {
  let seen = 0;
  const buckets = counts.map((count, index) => {
    seen += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: seen };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: seen },
  ];
}
