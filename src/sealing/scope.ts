// SPDX-License-Identifier: Apache-2.0
// For what a value is sealed: one secret of the engine's, in one stack or in none.
import { CofferError, isSecretName, NAME_LENGTH_MAX } from '../common/index.ts';
import { stackOf } from '../membership/index.ts';
import { type Labels, printable } from '../secrets/index.ts';

/** Both are compared byte for byte. */
export interface SealedScope {
  /** The secret's name as the engine has it: in a stack, `STACK_NAME` unless the file gives it another one. */
  readonly name: string;
  /** Empty: a secret that belongs to no stack. */
  readonly stack: string;
}

/** The scope of one of the engine's secrets. `docker stack deploy` sets the label of the stack itself, whatever the file says. */
export function scopeOfSecret(registered: { readonly name: string; readonly labels: Labels }): SealedScope {
  return { name: registered.name, stack: stackOf(registered.labels) ?? '' };
}

/** The scope of `name`, as a stack file has it, in `stack`; empty: in none. Throws `secret.name-invalid`. */
export function scopeInStack(name: string, stack: string): SealedScope {
  return checkedScope({ name: stack === '' ? name : `${stack}_${name}`, stack });
}

/** Throws `secret.name-invalid` for names that no secret and no stack can have. */
export function checkedScope(scope: SealedScope): SealedScope {
  if (scope.stack !== '' && !isSecretName(scope.stack)) {
    throw new CofferError(
      'secret.name-invalid',
      `${printable(scope.stack)} is no name for a stack with secrets`,
    );
  }
  if (!isSecretName(scope.name)) {
    throw new CofferError(
      'secret.name-invalid',
      `the engine takes no secret named ${printable(scope.name)}: 1 to ${NAME_LENGTH_MAX} of [a-zA-Z0-9-_.], and the first and last of [a-zA-Z0-9]`,
    );
  }
  return scope;
}

export function isSameScope(one: SealedScope, other: SealedScope): boolean {
  return one.name === other.name && one.stack === other.stack;
}

/** What is typed to seal a value for that secret. */
export function sealCommand({ name, stack }: SealedScope): string {
  const isKnown = isSecretName(name) && (stack === '' || isSecretName(stack));
  if (!isKnown) {
    return 'docker coffer seal --name NAME --stack STACK -';
  }
  const isOfStack = stack !== '' && name.startsWith(`${stack}_`);
  const which = isOfStack ? `--name ${name.slice(stack.length + 1)}` : `--engine-name ${name}`;
  return `docker coffer seal ${stack === '' ? `--name ${name}` : `${which} --stack ${stack}`} -`;
}

/** For sentences. */
export function scopeWords({ name, stack }: SealedScope): string {
  const secret = `secret ${printable(name)}`;
  return stack === '' ? `${secret} outside of stacks` : `${secret} of stack ${printable(stack)}`;
}
