// SPDX-License-Identifier: Apache-2.0
// Which blocks of code were reached, as V8 counts them: an input that reaches one that none has reached before is worth more
// mutations than one that is refused at its first byte.
import { type Profiler, Session } from 'node:inspector/promises';
import type { Novelty } from './fuzz-target.ts';

export class CoverageNovelty implements Novelty {
  readonly #session: Session;
  readonly #seen = new Set<string>();

  private constructor(session: Session) {
    this.#session = session;
  }

  static async begin(): Promise<CoverageNovelty> {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return new CoverageNovelty(session);
  }

  async newBlocks(): Promise<ReadonlySet<string>> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return new Set(result.flatMap(reachedBlocks).filter((block) => !this.#seen.has(block)));
  }

  known(blocks: ReadonlySet<string>): void {
    blocks.forEach((block) => this.#seen.add(block));
  }
}

/** Of the bundle, which is where the product is. */
function reachedBlocks({ functions, scriptId, url }: Profiler.ScriptCoverage): readonly string[] {
  return url.startsWith('node:')
    ? []
    : functions.flatMap(({ ranges }) =>
        ranges
          .filter(({ count }) => count > 0)
          .map(({ endOffset, startOffset }) => `${scriptId}:${startOffset}:${endOffset}`),
      );
}
