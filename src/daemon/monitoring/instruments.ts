// SPDX-License-Identifier: Apache-2.0
// What is counted as it happens; all else is looked up when somebody asks.
import type { ErrorCode } from '../../common/index.ts';
import { Counter, Histogram, type MetricFamily } from '../../monitoring/index.ts';
import type { AnswerObserver } from '../../plugin/index.ts';
import type { ReplicatedStore } from '../../store/index.ts';

/** From what an answer from memory takes to the deadline. */
const ANSWER_BOUNDS_S = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** From the sync of a fast disk to what a proposal is waited for. */
const COMMIT_BOUNDS_S = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const GET_NAME = 'coffer_driver_get_seconds';
const GET_HELP = 'How long the engine has waited for an answer to GetSecret';

export class Instruments implements AnswerObserver {
  readonly #delivered = new Histogram({ name: GET_NAME, help: GET_HELP, bounds_s: ANSWER_BOUNDS_S });
  readonly #refused = new Histogram({ name: GET_NAME, help: GET_HELP, bounds_s: ANSWER_BOUNDS_S });
  readonly #denied = new Counter({
    name: 'coffer_driver_denied_total',
    help: 'Secrets that were refused to a task, by the code of the reason',
    label: 'code',
    values: ['secret.not-found', 'policy.denied', 'store.timeout', 'store.unavailable'],
  });
  readonly #commits = new Histogram({
    name: 'coffer_raft_commit_seconds',
    help: 'How long it took from a change that was made on this node until a majority had it and it was applied here',
    bounds_s: COMMIT_BOUNDS_S,
  });

  delivered(duration_ms: number): void {
    this.#delivered.observe(duration_ms);
  }

  refused(duration_ms: number, code: ErrorCode): void {
    this.#refused.observe(duration_ms);
    this.#denied.add(code);
  }

  /** The store serves. What is returned ends what watches it. */
  attach({ replica }: ReplicatedStore): () => void {
    return replica.watch({
      onClusterChange: () => undefined,
      onLeader: () => undefined,
      onCommitted: (duration_ms) => this.#commits.observe(duration_ms),
    });
  }

  families(): readonly MetricFamily[] {
    const samples = [
      ...this.#delivered.samples({ result: 'delivered' }),
      ...this.#refused.samples({ result: 'refused' }),
    ];
    return [
      { name: GET_NAME, help: GET_HELP, type: 'histogram', samples },
      this.#denied.family(),
      this.#commits.family(),
    ];
  }
}
