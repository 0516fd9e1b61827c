// SPDX-License-Identifier: Apache-2.0
// What clients asked for and were answered, and whether the answers are right.
import { type CofferError, unreachable } from '../../../src/common/index.ts';
import type { ReferenceState } from '../checks/reference-state.ts';
import type { Violations } from '../checks/violations.ts';
import type { Coverage } from '../kernel/coverage.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Trace } from '../kernel/trace.ts';
import { checkLinearizable } from './linearizability.ts';
import {
  type Answer,
  type Call,
  describeAnswer,
  describeIntent,
  describeRegister,
  registerShows,
  operationsOf,
  type RecordedCall,
  type Register,
  registerKey,
  stateKey,
} from './secret-register.ts';

/** A call that was made, and waits for its answer. */
export interface OpenCall {
  readonly number: number;
  readonly client: number;
  answer(answer: Answer): void;
}

type MutableCall = { -readonly [Field in keyof RecordedCall]: RecordedCall[Field] };

/** Where there is an order, the search finds it almost at once: it is told where in the log each call took effect. */
const TRIED_MAX = 50_000;

export class History {
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  readonly #coverage: Coverage;
  readonly #violations: Violations;
  readonly #reference: ReferenceState;
  readonly #calls: MutableCall[] = [];
  /** Each time is another, so that what happens in one microsecond keeps its order. */
  #moment = 0;

  constructor(
    scheduler: Scheduler,
    trace: Trace,
    coverage: Coverage,
    violations: Violations,
    reference: ReferenceState,
  ) {
    this.#scheduler = scheduler;
    this.#trace = trace;
    this.#coverage = coverage;
    this.#violations = violations;
    this.#reference = reference;
  }

  get length(): number {
    return this.#calls.length;
  }

  get answered(): number {
    return this.#calls.filter(({ answer }) => answer.kind !== 'unknown').length;
  }

  invoke(client: number, name: string, requestId: string, call: Call): OpenCall {
    const number = this.#calls.length;
    const recorded: MutableCall = {
      client,
      number,
      name,
      requestId,
      call,
      invokedAt: this.#now(),
      returnedAt: Infinity,
      answer: { kind: 'unknown' },
    };
    this.#calls.push(recorded);
    this.#trace.add(() => `client ${client} call ${number}: ${describeIntent(name, call)}`);
    return {
      number,
      client,
      answer: (answer) => {
        recorded.answer = answer;
        recorded.returnedAt = this.#now();
        this.#trace.add(() => `client ${client} call ${number}: ${describeAnswer(answer)}`);
        this.#coverage.hit(`answer ${answer.kind === 'refused' ? answer.code : answer.kind}`);
        this.#compare(recorded);
      },
    };
  }

  /** An attempt came to nothing that the client could rely on. */
  lost({ client, number }: OpenCall, why: string): void {
    this.#trace.add(() => `client ${client} call ${number}: ${why}`);
    this.#coverage.hit(`attempt ${why}`);
  }

  /** Somebody read without knowing how fresh it is. The entry may be applied only in this very moment. */
  seenLocally(name: string, register: Register, index: number): void {
    this.#coverage.hit('local read');
    this.#scheduler.after(0, () => {
      const expected = this.#reference.registerAt(name, index);
      if (registerKey(expected) !== registerKey(register)) {
        this.#violations.report(
          'reads see the state',
          `a local read of ${name} saw ${describeRegister(register)} after entry ${index}; it is ${describeRegister(expected)}`,
        );
      }
    });
  }

  failed(error: CofferError): void {
    this.#coverage.hit(`error ${error.code}`);
    if (error.code.startsWith('internal.')) {
      this.#violations.report('no internal errors', error.message);
    }
  }

  /** Whether all that was answered could have happened one after another, for each name by itself. */
  checkOrder(): void {
    const names = [...new Set(this.#calls.map(({ name }) => name))].sort();
    for (const name of names) {
      const calls = this.#calls.filter((call) => call.name === name);
      const operations = operationsOf(calls, (id) => this.#reference.requestOf(id));
      const verdict = checkLinearizable<Register>(operations, 'absent', stateKey, TRIED_MAX);
      if (verdict.kind !== 'linearizable') {
        const given = verdict.kind === 'undecided' ? ' (the search was given up)' : '';
        this.#violations.report(
          'linearizability',
          `of ${operations.length} operations on ${name}, ${verdict.longest} can be put in order${given}; ` +
            `then none of these fits:\n  ${verdict.stuck.join('\n  ')}`,
        );
      }
    }
  }

  /** Holds an answer against the committed log, at once. */
  #compare(recorded: MutableCall): void {
    const { answer } = recorded;
    switch (answer.kind) {
      case 'done':
        recorded.answer = this.#compareDone(recorded, answer);
        break;
      case 'refused': {
        const effect = this.#reference.requestOf(recorded.requestId);
        if (effect?.refused !== answer.code) {
          this.#report(
            'what is refused is refused',
            recorded,
            `was refused with ${answer.code}; by the log it was ${effect?.refused ?? 'done, or never made'}`,
          );
        }
        break;
      }
      case 'seen': {
        const register = this.#reference.registerAt(recorded.name, answer.index);
        if (registerKey(register) !== registerKey(answer.register)) {
          this.#report(
            'reads see the state',
            recorded,
            `saw ${describeRegister(answer.register)} after entry ${answer.index}; it is ${describeRegister(register)}`,
          );
        }
        break;
      }
      case 'unknown':
        break;
      default:
        unreachable(answer);
    }
  }

  /** A request that was made again is answered with the secret as it is then, which says nothing of the request. */
  #compareDone(recorded: RecordedCall, answer: Extract<Answer, { kind: 'done' }>): Answer {
    const { index, result } = answer;
    const effect = this.#reference.requestOf(recorded.requestId);
    if (effect?.index !== index || effect.refused !== undefined) {
      this.#report(
        'what is acknowledged is committed',
        recorded,
        `was done at entry ${index}; the log has it at ${effect?.index ?? 'no entry'}, refused: ${effect?.refused ?? 'no'}`,
      );
      return answer;
    }
    if (result === 'unknown' || registerShows(effect.shown, result)) {
      return answer;
    }
    const later = this.#reference.registersSince(effect.name, index);
    if (result !== 'absent' && !later.some((register) => registerShows(register, result))) {
      this.#report('answers show the state', recorded, `shows ${describeRegister(result)}, which never was`);
    }
    return { ...answer, result: 'unknown' };
  }

  #report(invariant: string, { client, number }: RecordedCall, what: string): void {
    this.#violations.report(invariant, `call ${number} of client ${client} ${what}`);
  }

  #now(): number {
    this.#moment = Math.max(this.#moment + 0.000_1, this.#scheduler.now_us);
    return this.#moment;
  }
}
