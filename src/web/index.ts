/** What a long run tells over HTTP. */

export { type HealthServer, serveHealth, type ServeOptions } from './health.ts';
export { RunMetrics } from './metrics.ts';
