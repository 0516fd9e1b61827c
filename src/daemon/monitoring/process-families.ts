// SPDX-License-Identifier: Apache-2.0
// What is told of every process that Prometheus watches, under the names that its own libraries use.
import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { counted, gauge, type MetricFamily } from '../../monitoring/index.ts';

/** Never rejects: what cannot be read is left out. */
export async function processFamilies(): Promise<readonly MetricFamily[]> {
  const [openFiles, openFilesMax, lag_s] = await Promise.all([countOpenFiles(), readLimit(), measureLag_s()]);
  const { user, system } = process.cpuUsage();
  const { heapUsed, rss } = process.memoryUsage();
  const { active, idle } = performance.eventLoopUtilization();
  return [
    counted('process_cpu_seconds_total', 'Processor time that this process has used', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Memory that this process has in use', rss),
    gauge('process_open_fds', 'Open file descriptors of this process', openFiles),
    gauge('process_max_fds', 'How many file descriptors this process may open', openFilesMax),
    gauge(
      'process_start_time_seconds',
      'When this process has started, in seconds since 1970',
      performance.timeOrigin / 1_000,
    ),
    gauge('nodejs_heap_size_used_bytes', 'Memory that objects of JavaScript take', heapUsed),
    gauge(
      'nodejs_eventloop_lag_seconds',
      'How late the event loop came to what was due, as it was asked',
      lag_s,
    ),
    counted('nodejs_eventloop_active_seconds_total', 'How long the event loop has worked', active / 1_000),
    counted(
      'nodejs_eventloop_idle_seconds_total',
      'How long the event loop has waited for work',
      idle / 1_000,
    ),
  ];
}

async function countOpenFiles(): Promise<number | undefined> {
  try {
    // One of them is for this very look.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}

async function readLimit(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

function measureLag_s(): Promise<number> {
  const begun_ms = performance.now();
  return new Promise((resolve) => setImmediate(() => resolve((performance.now() - begun_ms) / 1_000)));
}
