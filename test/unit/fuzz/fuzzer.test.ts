// SPDX-License-Identifier: Apache-2.0
// The fuzzer finds what is wrong with parsers that are wrong on purpose.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { CANARY } from '../../fuzz/canary.ts';
import { type FuzzReport, fuzzTarget } from '../../fuzz/fuzz-target.ts';
import { BrokenPromise, codes, type FuzzTarget, stable, textSeeds } from '../../fuzz/target.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const invalid = (detail: string): CofferError => new CofferError('request.invalid', detail);

function fuzz(over: Partial<FuzzTarget>): Promise<FuzzReport> {
  const target: FuzzTarget = {
    name: 'planted',
    seeds: textSeeds(`name=db;value=${CANARY}`),
    refuses: codes('request.invalid'),
    run: () => undefined,
    ...over,
  };
  return fuzzTarget(target, { runs: 1_000, random: new SeededRandom(7) });
}

async function onlyFailure(
  over: Partial<FuzzTarget>,
): Promise<{ readonly what: string; readonly input: string }> {
  const { failures } = await fuzz(over);
  const [first] = failures;
  assert.ok(first !== undefined, 'it was not found');
  return { what: first.what, input: first.input.toString('latin1') };
}

describe('a parser that is wrong on purpose', () => {
  test('is none: nothing is found in one that is right', async () => {
    const { failures, inputs, taken } = await fuzz({
      run: (bytes) => {
        if (!bytes.includes('name=')) {
          throw invalid('it has no name');
        }
      },
    });
    assert.deepEqual(failures, []);
    assert.equal(inputs, 1_001);
    assert.ok(taken > 100 && taken < 1_000, `${taken} inputs were taken`);
  });

  test('throws another error than it says, and the input is made as small as it gets', async () => {
    const found = await onlyFailure({
      run: (bytes) => {
        if (!bytes.includes('=')) {
          throw new TypeError('nothing stands before what is not there');
        }
      },
    });
    assert.match(found.what, /^throws what is no refusal of it: TypeError/);
    assert.equal(found.input, '');
  });

  test('refuses with another code than it says', async () => {
    const found = await onlyFailure({
      run: (bytes) => {
        if (bytes.includes('__proto__')) {
          throw new CofferError('internal.unexpected', 'a name that is none');
        }
      },
    });
    assert.match(found.what, /internal\.unexpected/);
    assert.equal(found.input, '__proto__');
  });

  test('quotes the secret in its sentence, its hint or its cause', async () => {
    const quoting: readonly ((text: string) => CofferError)[] = [
      (text) => invalid(`this is no value: ${text}`),
      (text) => new CofferError('request.invalid', 'this is no value', { hint: `Leave out ${text}` }),
      (text) => new CofferError('request.invalid', 'this is no value', { cause: new Error(text) }),
    ];
    for (const refusalOf of quoting) {
      const found = await onlyFailure({
        run: (bytes) => {
          if (!bytes.includes('name=db')) {
            throw refusalOf(bytes.toString('latin1'));
          }
        },
      });
      assert.match(found.what, /^quotes a secret/);
      assert.equal(found.input.length, 6);
    }
  });

  test('allocates what the input asks for', async () => {
    const found = await onlyFailure({
      run: (bytes) => (bytes.length < 4 ? undefined : Buffer.alloc(bytes.readUInt32BE() % 2 ** 24)),
      seeds: () => [Buffer.alloc(8)],
    });
    assert.equal(found.what, 'allocates more than its input is worth');
  });

  test('writes something else than it has read', async () => {
    const found = await onlyFailure({
      run: stable(
        (bytes) => bytes.toString('latin1'),
        (text) => Buffer.from(`${text.slice(0, 30)}.`, 'latin1'),
      ),
    });
    assert.equal(found.what, new BrokenPromise('what was read, written and read is something else').message);
  });

  test('refuses what it is to take', async () => {
    const found = await onlyFailure({
      run: () => {
        throw invalid('it is refused');
      },
    });
    assert.equal(found.what, 'refuses a seed');
  });
});
