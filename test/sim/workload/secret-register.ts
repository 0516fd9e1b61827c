// SPDX-License-Identifier: Apache-2.0
// One secret's name as an object that clients act on: what each call does to it, and which answers are right.
import { unreachable } from '../../../src/common/index.ts';
import type { TimedOperation } from './linearizability.ts';

/** What stands under the name. */
export type Register =
  | {
      readonly id: string;
      readonly version: number;
      readonly value: string;
      /** The value of the version before; absent where it is not known, and where there is none. */
      readonly before?: string;
    }
  | 'absent';

export type Call =
  | {
      readonly kind: 'put';
      readonly newId: string;
      readonly value: string;
      readonly expect: 'always' | 'absent' | number;
    }
  | { readonly kind: 'create'; readonly newId: string; readonly value: string }
  | { readonly kind: 'remove'; readonly id: string }
  /** To the version before `expect`, which is the current one, and not the first. */
  | { readonly kind: 'rollback'; readonly id: string; readonly expect: number }
  | { readonly kind: 'read' };

export type Answer =
  /** A write took effect; `result` is what the store said of the secret then, undefined if it answered for an earlier time. */
  | { readonly kind: 'done'; readonly index: number; readonly result: Register | 'unknown' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'seen'; readonly register: Register; readonly index: number }
  /** No answer, or one that says nothing. */
  | { readonly kind: 'unknown' };

export interface RecordedCall {
  readonly client: number;
  readonly number: number;
  readonly name: string;
  readonly requestId: string;
  readonly call: Call;
  readonly invokedAt: number;
  readonly returnedAt: number;
  readonly answer: Answer;
}

/** The register after a write that is done in this state, or why it is refused. */
export function perform(
  register: Register,
  call: Exclude<Call, { kind: 'read' }>,
): Register | { readonly refused: string } {
  switch (call.kind) {
    case 'put': {
      const { expect, newId, value } = call;
      if (register === 'absent') {
        return typeof expect === 'number' && expect !== 0
          ? { refused: 'secret.version-conflict' }
          : { id: newId, version: 1, value };
      }
      if (expect === 'absent') {
        return register;
      }
      return expect === 'always' || expect === register.version
        ? { id: register.id, version: register.version + 1, value, before: register.value }
        : { refused: 'secret.version-conflict' };
    }
    case 'create':
      return register === 'absent'
        ? { id: call.newId, version: 1, value: call.value }
        : { refused: 'secret.exists' };
    case 'remove':
      return register !== 'absent' && register.id === call.id ? 'absent' : { refused: 'secret.not-found' };
    case 'rollback':
      return rollback(register, call);
    default:
      return unreachable(call);
  }
}

function rollback(
  register: Register,
  { expect, id }: Extract<Call, { kind: 'rollback' }>,
): Register | { readonly refused: string } {
  if (register === 'absent' || register.id !== id) {
    return { refused: 'secret.not-found' };
  }
  const { before, value, version } = register;
  return version === expect
    ? { id, version: version + 1, value: before ?? '', before: value }
    : { refused: 'secret.version-conflict' };
}

/** Tells states apart, also by what a rollback makes of them. */
export function stateKey(register: Register): string {
  const before = register === 'absent' ? '' : (register.before ?? '');
  return `${registerKey(register)} ${before}`;
}

/** Tells apart what a read can tell. */
export function registerKey(register: Register): string {
  return register === 'absent' ? 'absent' : `${register.id} ${register.version} ${register.value}`;
}

/** What is known of a request from elsewhere: it only tells the search where to look first. */
export interface Hint {
  readonly index: number;
  readonly refused: string | undefined;
}

/** The calls on one name as operations to be put in order. */
export function operationsOf(
  calls: readonly RecordedCall[],
  hintOf: (requestId: string) => Hint | undefined,
): readonly TimedOperation<Register>[] {
  return calls.flatMap((recorded) => operationsOfCall(recorded, hintOf(recorded.requestId)));
}

function operationsOfCall(
  recorded: RecordedCall,
  hint: Hint | undefined,
): readonly TimedOperation<Register>[] {
  const { answer, call, invokedAt, returnedAt } = recorded;
  const describe = (): string => describeCall(recorded);
  if (call.kind === 'read') {
    if (answer.kind !== 'seen') {
      return [];
    }
    const seen = registerKey(answer.register);
    const step = (register: Register): Register | undefined =>
      registerKey(register) === seen ? register : undefined;
    return [{ invokedAt, returnedAt, hint: answer.index + 0.5, step, describe }];
  }
  const effect = (register: Register): Register | undefined => {
    const after = perform(register, call);
    return typeof after === 'object' && 'refused' in after ? undefined : after;
  };
  switch (answer.kind) {
    case 'done': {
      const { result } = answer;
      const step = (register: Register): Register | undefined => {
        const after = effect(register);
        const shown = call.kind === 'remove' ? register : after;
        const right = after !== undefined && shown !== undefined;
        return right && (result === 'unknown' || registerShows(shown, result)) ? after : undefined;
      };
      return [{ invokedAt, returnedAt, hint: answer.index, step, describe }];
    }
    case 'refused': {
      const { code } = answer;
      const step = (register: Register): Register | undefined => {
        const after = perform(register, call);
        return typeof after === 'object' && 'refused' in after && after.refused === code
          ? register
          : undefined;
      };
      return [{ invokedAt, returnedAt, hint: hint?.index ?? Infinity, step, describe }];
    }
    case 'unknown':
      return [
        {
          invokedAt,
          returnedAt: Infinity,
          hint: hint === undefined || hint.refused !== undefined ? Infinity : hint.index,
          step: effect,
          describe,
        },
      ];
    case 'seen':
      throw new RangeError('a write is not answered with a read');
    default:
      return unreachable(answer);
  }
}

/** The store answers a write with the secret's metadata: its value is not in it. */
export function registerShows(register: Register, shown: Register): boolean {
  if (register === 'absent' || shown === 'absent') {
    return register === shown;
  }
  return register.id === shown.id && register.version === shown.version;
}

export function describeCall({
  answer,
  call,
  client,
  invokedAt,
  name,
  number,
  returnedAt,
}: RecordedCall): string {
  const time = `${(invokedAt / 1e6).toFixed(6)}..${returnedAt === Infinity ? 'never' : (returnedAt / 1e6).toFixed(6)}`;
  return `client ${client} call ${number} ${describeIntent(name, call)} -> ${describeAnswer(answer)} [${time}]`;
}

export function describeIntent(name: string, call: Call): string {
  switch (call.kind) {
    case 'put':
      return `put ${name}=${call.value} expect ${call.expect}`;
    case 'create':
      return `create ${name}=${call.value}`;
    case 'remove':
      return `remove ${name} (${call.id.slice(0, 6)})`;
    case 'rollback':
      return `rollback ${name} (${call.id.slice(0, 6)}) from version ${call.expect}`;
    case 'read':
      return `read ${name}`;
    default:
      return unreachable(call);
  }
}

export function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'done':
      return `done at ${answer.index}${answer.result === 'unknown' ? '' : `: ${describeRegister(answer.result)}`}`;
    case 'refused':
      return `refused: ${answer.code}`;
    case 'seen':
      return `${describeRegister(answer.register)} as of ${answer.index}`;
    case 'unknown':
      return 'unknown';
    default:
      return unreachable(answer);
  }
}

export function describeRegister(register: Register): string {
  return register === 'absent'
    ? 'absent'
    : `version ${register.version} of ${register.id.slice(0, 6)}${register.value === '' ? '' : ` = ${register.value}`}`;
}
