// SPDX-License-Identifier: Apache-2.0
// One target, and as many inputs as are asked for.
import type { SeededRandom } from '../support/seeded-random.ts';
import { type Failure, Judge } from './judge.ts';
import { minimise } from './minimise.ts';
import { Mutator } from './mutator.ts';
import type { FuzzTarget } from './target.ts';

const SIZE_DEFAULT_BYTES = 64 * 1024;
/** Further ones are left for the next run. */
const FAILURES_MAX = 5;

export interface FoundFailure {
  readonly target: string;
  readonly what: string;
  /** Minimised. */
  readonly input: Buffer;
  readonly thrown: unknown;
}

export interface FuzzOptions {
  readonly runs: number;
  readonly random: SeededRandom;
  /** Told before each input: if it is never judged, this is what the parser hangs in. */
  readonly onInput?: (input: Buffer) => void;
  /** Which inputs are worth to be mutated further; without it, the seeds alone are. */
  readonly novelty?: Novelty;
}

/** What knows whether an input went where none has been before. */
export interface Novelty {
  /** Where the inputs went that were run since it was asked last, as far as that is not known yet. */
  readonly newBlocks: () => Promise<ReadonlySet<string>>;
  readonly known: (blocks: ReadonlySet<string>) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly taken: number;
  readonly kept: number;
  readonly failures: readonly FoundFailure[];
}

/** Runs all seeds, which the target must take, and then mutations of them. */
export async function fuzzTarget(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const judge = new Judge(target);
  try {
    return await new Fuzzing(target, options, judge).run();
  } finally {
    judge.stop();
    await target.stop?.();
  }
}

/** How often the parser's way is looked at: to look takes longer than to parse. */
const LOOK_EVERY = 16;
const CORPUS_MAX = 2_000;

class Fuzzing {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #judge: Judge;
  readonly #failures = new Map<string, FoundFailure>();
  readonly #corpus: Buffer[];
  #fresh: Buffer[] = [];
  #inputs = 0;
  #taken = 0;

  constructor(target: FuzzTarget, options: FuzzOptions, judge: Judge) {
    this.#target = target;
    this.#options = options;
    this.#judge = judge;
    this.#corpus = [...target.seeds()];
  }

  async run(): Promise<FuzzReport> {
    const seeds = [...this.#corpus];
    for (const seed of seeds) {
      await this.#trySeed(seed);
    }
    const { random } = this.#options;
    const mutator = new Mutator({
      random,
      words: this.#target.words ?? [],
      size_bytes_max: this.#target.size_bytes_max ?? SIZE_DEFAULT_BYTES,
    });
    const runs = Math.ceil(this.#options.runs / (this.#target.cost ?? 1));
    for (let run = 0; run < runs && this.#failures.size < FAILURES_MAX; run += 1) {
      // Half of them from the seeds: what was kept for going somewhere new is most often refused there.
      await this.#try(mutator.next(run % 2 === 0 ? seeds : this.#corpus));
      await this.#keepNew(run);
    }
    return {
      inputs: this.#inputs,
      taken: this.#taken,
      kept: this.#corpus.length - seeds.length,
      failures: [...this.#failures.values()],
    };
  }

  async #trySeed(seed: Buffer): Promise<void> {
    this.#inputs += 1;
    this.#options.onInput?.(seed);
    const verdict = await this.#judge.judge(seed);
    if (verdict.kind === 'failed') {
      this.#found(verdict, seed);
    } else if (verdict.kind === 'refused') {
      this.#found({ kind: 'failed', what: 'refuses a seed', thrown: verdict.thrown }, seed);
    }
  }

  async #try(input: Buffer): Promise<void> {
    this.#inputs += 1;
    this.#options.onInput?.(input);
    const verdict = await this.#judge.judge(input);
    this.#taken += verdict.kind === 'taken' ? 1 : 0;
    if (verdict.kind === 'failed' && !this.#failures.has(verdict.what)) {
      const fails = async (bytes: Buffer): Promise<boolean> => {
        const other = await this.#judge.judge(bytes);
        return other.kind === 'failed' && other.what === verdict.what;
      };
      this.#found(verdict, await minimise(input, fails));
    }
    if (this.#options.novelty !== undefined && this.#corpus.length < CORPUS_MAX) {
      this.#fresh.push(input);
    }
  }

  /** Of a group that went somewhere new, the first input that goes there is kept. */
  async #keepNew(run: number): Promise<void> {
    const { novelty } = this.#options;
    if (novelty === undefined || run % LOOK_EVERY !== 0) {
      return;
    }
    const fresh = this.#fresh;
    this.#fresh = [];
    const wanted = await novelty.newBlocks();
    for (const input of wanted.size === 0 ? [] : fresh) {
      await this.#judge.judge(input);
      const reached = await novelty.newBlocks();
      if ([...reached].some((block) => wanted.has(block))) {
        novelty.known(reached);
        this.#corpus.push(input);
      }
    }
    novelty.known(wanted);
  }

  #found({ thrown, what }: Failure, input: Buffer): void {
    this.#failures.set(what, { target: this.#target.name, what, input, thrown });
  }
}
