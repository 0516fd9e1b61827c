// SPDX-License-Identifier: Apache-2.0
import type { Daemon } from './daemon.ts';

/** What went wrong, in one sentence, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface UiOptions {
  readonly daemon: Daemon;
  /** Tells what the daemon's calls reject with. */
  readonly explain: (thrown: unknown) => Problem;
  readonly now_ms: () => number;
  /** Of this program. */
  readonly version: string;
  /** What is typed before a command: `docker coffer`. */
  readonly commandName: string;
  /** For a request's head; a whole request may take three times as long. Default: 10,000. */
  readonly headTimeout_ms?: number;
}

/** Something that a page asked for, or why it cannot be told. */
export type Told<T> = { readonly value: T; readonly problem?: undefined } | { readonly problem: Problem };

/** Never rejects: a page shows what can be told. */
export async function told<T>({ explain }: Pick<UiOptions, 'explain'>, asked: Promise<T>): Promise<Told<T>> {
  try {
    return { value: await asked };
  } catch (thrown) {
    return { problem: explain(thrown) };
  }
}
