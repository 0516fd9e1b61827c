// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  Chain,
  type ChainFault,
  decodeRecord,
  hashLine,
  LINE_BYTES_MAX,
  newChain,
  verifyChain,
} from '../../../src/audit/index.ts';
import { present } from '../../support/present.ts';
import { assertProperty } from '../../support/property.ts';

const AT_MS = Date.parse('2026-03-01T12:00:00.000Z');

function linesOf(count: number): string[] {
  const chain = new Chain(newChain());
  return Array.from({ length: count }, (_, index) => {
    const fields = { secret: `db-${index}`, version: index, service: 'web', task: 't1', by: 'engine' };
    return chain.append('deliver', AT_MS + index, 'node1', fields).line;
  });
}

const at = (lines: readonly string[], index: number): string => present(lines[index], 'a line');

/** `line` is counted from 1. */
function assertFault(lines: readonly string[], fault: ChainFault, line: number, what: RegExp): void {
  const { last, problem, records } = verifyChain(lines);
  assert.deepEqual([problem?.fault, problem?.line], [fault, line], problem?.what);
  assert.match(problem?.what ?? '', what);
  assert.equal(records, line - 1, 'what stands before it is whole');
  assert.equal(last?.seq, line === 1 ? undefined : line - 1);
}

describe('the chain of an audit log', () => {
  test('a log that nobody has touched is whole', () => {
    const lines = linesOf(20);
    const { first, last, problem, records } = verifyChain(lines);
    assert.equal(problem, undefined);
    assert.equal(records, 20);
    assert.deepEqual([first?.seq, last?.seq], [1, 20]);
    assert.equal(verifyChain([]).records, 0);
  });

  test('a line that was edited is named', () => {
    const lines = linesOf(9);
    assertFault(lines.with(3, at(lines, 3).replace('"web"', '"api"')), 'edited', 4, /record 4 is not what/);
    const otherPrev = at(lines, 3).replace(/"prev":"."?/, '"prev":"_');
    assertFault(lines.with(3, otherPrev), 'edited', 4, /record 4 is not what/);
    assertFault(lines.with(3, at(lines, 3).replace('"seq":4', '"seq":5')), 'edited', 4, /record 4 has been/);
    assertFault(lines.with(3, 'nonsense'), 'edited', 4, /the line after record 3 is no record/);
    assertFault(lines.with(0, at(lines, 0).replace('"web"', '"api"')), 'edited', 1, /record 1 is not what/);
  });

  test('a line that was taken out is named, and one that was moved', () => {
    const lines = linesOf(9);
    assertFault(lines.toSpliced(4, 1), 'missing', 5, /record 5 is missing before record 6/);
    assertFault(lines.toSpliced(4, 3), 'missing', 5, /records 5 to 7 are missing before record 8/);
    assertFault(lines.slice(2), 'missing', 1, /the records before record 3 are missing/);
    assertFault(
      [...lines.slice(0, 3), at(lines, 4), at(lines, 3), ...lines.slice(5)],
      'reordered',
      4,
      /record 4 stands after/,
    );
    assertFault([...lines, at(lines, 2)], 'reordered', 10, /record 3 stands after record 9/);
  });

  test('what was cut off at the end is missed by what others know of it', () => {
    const lines = linesOf(9);
    const record = present(decodeRecord(at(lines, 8)), 'a record');
    const head = { chain: record.chain, seq: 9, hash: hashLine(at(lines, 8)) };
    assert.equal(verifyChain(lines, { head }).problem, undefined);
    assert.match(
      verifyChain(lines.slice(0, 6), { head }).problem?.what ?? '',
      /ends with record 6, and was signed up to record 9/,
    );
    assert.match(verifyChain([], { head }).problem?.what ?? '', /ends with record 0/);
    assert.match(verifyChain(linesOf(12), { head }).problem?.what ?? '', /another log/);
    const edited = lines.with(8, at(lines, 8).replace('"web"', '"api"'));
    assert.match(
      verifyChain(edited, { head }).problem?.what ?? '',
      /record 9 is not the one that was signed/,
    );
  });

  test('files that rotation has given up are not missed, and others are', () => {
    const chain = new Chain({ ...newChain(), seq: 40, hash: hashLine('gone') });
    const lines = [
      chain.append('rotate-file', AT_MS, 'node1', { from: 21 }).line,
      chain.append('put', AT_MS, 'node1', { secret: 'a' }).line,
      chain.append('rotate-file', AT_MS, 'node1', { from: 41 }).line,
      chain.append('put', AT_MS, 'node1', { secret: 'b' }).line,
    ];
    assert.equal(verifyChain(lines, { isWholeLog: true }).problem, undefined);
    assert.equal(verifyChain(lines.slice(2)).problem, undefined, 'a file that somebody names alone');
    const cut = verifyChain(lines.slice(2), { isWholeLog: true }).problem;
    assert.match(cut?.what ?? '', /records 41 to 42 are missing at the beginning/);
  });

  test('no line is longer than it may be, and none is two, whatever stands in a record', (t) => {
    const lineOf = (secret: string, service: string, detail: string): string => {
      const names = { secret, volume: service, service, task: detail, to: secret, by: service, code: detail };
      const fields = { ...names, detail, version: Number.MAX_SAFE_INTEGER, from: Number.MAX_SAFE_INTEGER };
      const before = { ...newChain(), seq: Number.MAX_SAFE_INTEGER - 1, hash: hashLine('') };
      return new Chain(before).append('force-new-cluster', AT_MS, secret, fields).line;
    };
    const longest = 'x'.repeat(398);
    const uncut = lineOf(longest, longest, longest);
    assert.equal(uncut.split(longest).length - 1, 9);
    assert.ok(uncut.length < LINE_BYTES_MAX);
    const text = fc.string({ maxLength: 2_000, unit: 'binary' });
    assertProperty(
      t,
      200,
      fc.property(text, text, text, (secret, service, detail) => {
        const line = lineOf(secret, service, detail);
        assert.ok(Buffer.byteLength(line) < LINE_BYTES_MAX);
        assert.ok(!line.includes('\n'));
        assert.notEqual(decodeRecord(line), undefined);
      }),
    );
  });

  test('whatever one does to a line before the last one is noticed, at that line or beside it', (t) => {
    const lines = linesOf(12);
    const position = fc.nat({ max: lines.length - 2 });
    const edits = fc.oneof(
      fc.record({ kind: fc.constant('flip' as const), offset: fc.nat(), bit: fc.nat({ max: 6 }) }),
      fc.record({ kind: fc.constant('delete' as const) }),
      fc.record({ kind: fc.constant('repeat' as const) }),
      fc.record({ kind: fc.constant('swap' as const) }),
    );
    assertProperty(
      t,
      500,
      fc.property(position, edits, (index, edit) => {
        const changed = [...lines];
        const line = at(lines, index);
        if (edit.kind === 'flip') {
          const bytes = Buffer.from(line);
          const offset = edit.offset % bytes.length;
          bytes[offset] = (bytes[offset] ?? 0) ^ (1 << edit.bit);
          changed[index] = bytes.toString('utf8');
        } else if (edit.kind === 'delete') {
          changed.splice(index, 1);
        } else if (edit.kind === 'repeat') {
          changed.splice(index, 0, line);
        } else {
          [changed[index], changed[index + 1]] = [at(lines, index + 1), line];
        }
        const { problem, records } = verifyChain(changed);
        assert.ok(problem !== undefined, 'it is noticed');
        assert.ok(Math.abs(problem.line - (index + 1)) <= 1, `line ${problem.line} for ${index + 1}`);
        assert.ok(records <= index + 1, 'nothing after it counts as whole');
      }),
    );
  });
});
