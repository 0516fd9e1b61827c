// SPDX-License-Identifier: Apache-2.0
// The rules of the secrets on an index in memory, for tests of the rules alone.
import assert from 'node:assert/strict';
import { SecretValue } from '../../../src/common/index.ts';
import {
  applyCommand,
  type Command,
  type Outcome,
  type PutValue,
  type Secret,
} from '../../../src/secrets/index.ts';
import { SecretIndex } from '../../../src/store/index.ts';

/** The state as the store keeps it: the index, and values by secret and version. */
export class State {
  readonly index = new SecretIndex();
  readonly values = new Map<string, string>();
  #lastIndex = 0;

  apply(command: Command): Outcome {
    this.#lastIndex += 1;
    const outcome = applyCommand(this.index, command, this.#lastIndex);
    for (const effect of outcome.kind === 'applied' ? outcome.effects : []) {
      this.index.apply(effect);
      if (effect.kind === 'put-value') {
        this.values.set(`${effect.secretId}/${effect.version}`, effect.value.expose().toString());
      } else if (effect.kind === 'copy-value') {
        const copied = this.values.get(`${effect.secretId}/${effect.from}`);
        assert.ok(copied !== undefined, 'only what is there is copied');
        this.values.set(`${effect.secretId}/${effect.version}`, copied);
      } else if (effect.kind === 'delete-value') {
        assert.ok(
          this.values.delete(`${effect.secretId}/${effect.version}`),
          'only what is there is deleted',
        );
      }
    }
    return outcome;
  }

  /** The secret that came of it; throws the refusal. */
  done(command: Command): Secret {
    const outcome = this.apply(command);
    if (outcome.kind === 'refused') {
      throw outcome.error;
    }
    assert.ok(outcome.secret !== undefined);
    return outcome.secret;
  }
}

export const value = (text: string): SecretValue => SecretValue.copyOf(Buffer.from(text));

export const put = (name: string, text = 'value', more: Partial<PutValue> = {}): PutValue => ({
  kind: 'put',
  id: `id-${name}`,
  name,
  labels: undefined,
  origin: 'control',
  expect: 'always',
  value: value(text),
  at_ms: 1,
  ...more,
});

export const create = (name: string, id = `id-${name}`): Command => ({
  kind: 'create',
  id,
  name,
  labels: { a: 'b' },
  origin: 'gateway',
  pending: true,
  value: value('created'),
  at_ms: 5,
});

export const refusal = (outcome: Outcome): string =>
  outcome.kind === 'refused' ? outcome.error.code : 'applied';
