// SPDX-License-Identifier: Apache-2.0
// What is measured runs in a process of its own, as it would in earnest. The benchmark's program forks itself in another role,
// and the two ask and answer each other in turn.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { atProcessEnd, killProcess } from '../support/cleanup.ts';

/** What a role can be asked, by name. Arguments and answers are plain data. */
export type Handlers = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

type Argument<H, K extends keyof H> = H[K] extends (argument: infer A) => Promise<unknown> ? A : never;
type Answer<H, K extends keyof H> = H[K] extends (argument: never) => Promise<infer A> ? A : never;

interface Question {
  readonly what: string;
  readonly argument: unknown;
}

type Reply = { readonly answer: unknown } | { readonly error: string };

/** A process in another role, seen from the one that started it. */
export class Child<H extends Handlers> {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #forget: () => void;
  #onReply: (reply: Reply) => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#ended = once(child, 'exit');
    this.#forget = atProcessEnd(() => killProcess(child.pid));
    child.on('message', (reply) => this.#onReply(reply as Reply));
    child.on('exit', () => this.#onReply({ error: 'its process has ended' }));
  }

  static start<H extends Handlers>(role: string): Child<H> {
    const [, program = ''] = process.argv;
    return new Child<H>(fork(program, [role], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** One question at a time. */
  async ask<K extends keyof H & string>(what: K, argument: Argument<H, K>): Promise<Answer<H, K>> {
    const reply = await new Promise<Reply>((resolve) => {
      this.#onReply = resolve;
      this.#process.send({ what, argument } satisfies Question);
    });
    if ('error' in reply) {
      throw new Error(`${what}: ${reply.error}`);
    }
    return reply.answer as Answer<H, K>;
  }

  /** Ends the process; the role's own `close` comes before. */
  async stop(): Promise<void> {
    if (this.#process.connected) {
      this.#process.disconnect();
    }
    await this.#ended;
    this.#forget();
  }
}

/** The other side: answers until the one who asks is gone. */
export function answerQuestions(handlers: Handlers): void {
  process.on('message', (question: Question) => {
    const handler = handlers[question.what];
    const answering =
      handler?.(question.argument as never) ?? Promise.reject(new Error('nobody can answer that'));
    answering
      .then((answer): Reply => ({ answer }))
      .catch(
        (thrown: unknown): Reply => ({ error: thrown instanceof Error ? thrown.message : String(thrown) }),
      )
      .then((reply) => process.send?.(reply))
      .catch(() => process.exit(1));
  });
  process.on('disconnect', () => process.exit(0));
}
