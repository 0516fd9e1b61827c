// SPDX-License-Identifier: Apache-2.0
// Whether a history could have happened to one secret of each name, one call after another.
import { unreachable } from '../../src/common/index.ts';
import { checkLinearizable, type TimedOperation } from '../sim/workload/linearizability.ts';
import type { HistoryEntry } from './history.ts';

/** What stands under a name; version 0 is nothing. */
interface Register {
  readonly version: number;
  readonly value: string;
}

const ABSENT: Register = { version: 0, value: '' };
/** Where there is an order, one is found in about as many steps as there are calls. */
const TRIED_MAX = 200_000;

/**
 * What is wrong with the history, in one sentence each; nothing if all of it can be explained. Writes without an answer may
 * have happened at any time since, once, or never. Reads that were allowed to be old are held against what was written
 * before they ended. A search that was given up counts as wrong.
 */
export function problemsOf(history: readonly HistoryEntry[]): readonly string[] {
  const names = new Map<string, HistoryEntry[]>();
  for (const entry of history) {
    const name = `${entry.run} ${entry.name}`;
    const others = names.get(name);
    if (others === undefined) {
      names.set(name, [entry]);
    } else {
      others.push(entry);
    }
  }
  return [...names].flatMap(([name, entries]) => [...strangers(name, entries), ...disorder(name, entries)]);
}

/** Values that nobody wrote, or only later. */
function strangers(name: string, entries: readonly HistoryEntry[]): readonly string[] {
  const writtenAt = new Map(
    entries.flatMap(({ call, start_ms }) => ('value' in call ? [[call.value, start_ms] as const] : [])),
  );
  return entries.flatMap((entry) => {
    const { result, end_ms } = entry;
    const wrong = result.kind === 'value' && (writtenAt.get(result.value) ?? Infinity) > end_ms;
    return wrong ? [`${name}: ${describe(entry)} saw what nobody had written`] : [];
  });
}

function disorder(name: string, entries: readonly HistoryEntry[]): readonly string[] {
  const firstSeen = new Map<string, number>();
  for (const { result, end_ms } of entries) {
    if (result.kind === 'value') {
      firstSeen.set(result.value, Math.min(firstSeen.get(result.value) ?? Infinity, end_ms));
    }
  }
  const operations = entries.flatMap((entry) => operationsOf(entry, firstSeen));
  const verdict = checkLinearizable(operations, ABSENT, keyOf, TRIED_MAX);
  switch (verdict.kind) {
    case 'linearizable':
      return [];
    case 'violation':
    case 'undecided': {
      const given = verdict.kind === 'undecided' ? ' (the search was given up)' : '';
      return [
        `${name}: of ${operations.length} operations ${verdict.longest} can be put in order${given}; ` +
          `then none of these fits: ${verdict.stuck.join(' | ')}`,
      ];
    }
    default:
      return unreachable(verdict);
  }
}

function keyOf({ version, value }: Register): string {
  return `${version} ${value}`;
}

/** A call as an operation, or none where it says nothing. */
function operationsOf(
  entry: HistoryEntry,
  firstSeen: ReadonlyMap<string, number>,
): readonly TimedOperation<Register>[] {
  const { call, result, start_ms, end_ms } = entry;
  const operation = (
    returnedAt: number,
    hint: number,
    step: (register: Register) => Register | undefined,
  ): readonly TimedOperation<Register>[] => [
    { invokedAt: start_ms, returnedAt, hint, step, describe: () => describe(entry) },
  ];
  const seeing = (fits: (register: Register) => boolean): readonly TimedOperation<Register>[] =>
    operation(end_ms, end_ms, (register) => (fits(register) ? register : undefined));
  if (call.kind === 'write' || call.kind === 'compare') {
    const { value } = call;
    const fits = (version: number): boolean => call.kind === 'write' || call.expect === version;
    const seen = firstSeen.get(value) ?? Infinity;
    if (result.kind === 'done') {
      return operation(end_ms, Math.min(seen, end_ms), ({ version }) =>
        fits(version) && version + 1 === result.version ? { version: result.version, value } : undefined,
      );
    }
    if (result.kind === 'other') {
      return seeing(({ version }) => !fits(version));
    }
    return result.kind === 'refused'
      ? []
      : operation(Infinity, seen, ({ version }) =>
          fits(version) ? { version: version + 1, value } : undefined,
        );
  }
  if ('freshness' in result && result.freshness === 'local') {
    return [];
  }
  switch (result.kind) {
    case 'value':
      return seeing(({ value }) => value === result.value);
    case 'version':
      return seeing(({ version }) => version === result.version);
    case 'absent':
      return seeing(({ version }) => version === 0);
    case 'refused':
    case 'unknown':
      return [];
    case 'done':
    case 'other':
      throw new RangeError('a read is not answered with a write');
    default:
      return unreachable(result);
  }
}

function describe({ client, manager, call, result, start_ms, end_ms }: HistoryEntry): string {
  const time = `${start_ms.toFixed(1)}..${end_ms.toFixed(1)} ms`;
  const asked = [
    call.kind,
    ...('value' in call ? [call.value] : []),
    ...('expect' in call ? [`at ${call.expect}`] : []),
  ].join(' ');
  return `client ${client} at ${manager}: ${asked} -> ${JSON.stringify(result)} [${time}]`;
}
