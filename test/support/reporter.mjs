// SPDX-License-Identifier: Apache-2.0
// Runs inside a test process, as node:test's reporter: hands each event to test/run.mjs over IPC,
// so that nothing a test prints can be taken for a result.
import { inspect } from 'node:util';

/** What node:test says of a whole run; test/run.mjs counts for itself. */
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** The test's own error, without node:test's wrapping: with its stack, its diff and its causes. */
function describeError(error) {
  return inspect(error?.cause instanceof Error ? error.cause : (error?.cause ?? error), { depth: 4 });
}

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === 'test:dequeue' || type === 'test:start') {
      process.send({ type, name: data.name, nesting: data.nesting });
    } else if (type === 'test:pass' || type === 'test:fail') {
      const { duration_ms, type: kind, error } = data.details;
      process.send({
        type,
        name: data.name,
        nesting: data.nesting,
        suite: kind === 'suite',
        duration_ms,
        skip: data.skip !== undefined && data.skip !== false,
        reason: typeof data.skip === 'string' ? data.skip : undefined,
        todo: data.todo !== undefined && data.todo !== false,
        onlyChildFailed: error?.failureType === 'subtestsFailed',
        error: error === undefined ? undefined : describeError(error),
      });
    }
    if (type === 'test:diagnostic' && !SUMMARY.test(data.message)) {
      process.send({ type, message: data.message, nesting: data.nesting });
    }
    // A reporter that never yields is never drained.
    yield '';
  }
}
