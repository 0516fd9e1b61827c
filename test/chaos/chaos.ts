// SPDX-License-Identifier: Apache-2.0
// Three engines with coffer, services and clients at work, and one fault after the other: see docs/chaos.md.
import path from 'node:path';
import { onFirstInterrupt } from '../support/cleanup.ts';
import { projectRoot } from '../support/project.ts';
import { ChaosCluster } from './chaos-cluster.ts';
import { readOptions } from './options.ts';
import { describe, Report } from './report.ts';
import { Run } from './run.ts';

async function main(): Promise<boolean> {
  const options = readOptions(process.env, Date.now());
  const directory = path.join(projectRoot(), 'build', 'chaos', String(options.seed));
  const report = new Report(directory, (text) => void process.stdout.write(text));
  const interrupted = new AbortController();
  onFirstInterrupt(() => {
    report.line('interrupted: healing and ending; once more ends it at once');
    interrupted.abort();
  });
  report.line(`seed ${options.seed}, ${options.duration_ms / 1_000} s of: ${options.faults.join(' ')}`);
  report.line('starting three engines with coffer');
  const cluster = await ChaosCluster.start(options.faults);
  try {
    await new Run(cluster, report, options, interrupted.signal).go();
  } catch (error) {
    report.check('the run', [describe(error)]);
  } finally {
    if (report.failures.length > 0) {
      cluster.sites.forEach(({ name, engine }) => report.keep(`${name}.log`, engine.log()));
    }
    await cluster.stop();
  }
  return report.end(options.seed);
}

main().then(
  (well) => {
    process.exitCode = well ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`chaos: ${describe(error)}\n`);
    process.exitCode = 1;
  },
);
