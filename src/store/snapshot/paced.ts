// SPDX-License-Identifier: Apache-2.0
import { type Clock, pause } from '../replica/clock.ts';

/** How long the work rests, as a multiple of how long it worked: a third of the time is enough for it. */
const REST_SHARE = 2;
/** Less work than this is not rested from by itself: a timer takes a millisecond at least, and small items come by thousands. */
const WORK_MS_MIN = 4;

/**
 * Draws from `source` for a third of the time at most, so that work in the background leaves the processor to
 * those who wait for an answer.
 */
export async function* paced<T>(source: AsyncIterable<T>, clock: Clock): AsyncGenerator<T> {
  let worked_ms = 0;
  let began_ms = clock.now_ms();
  for await (const item of source) {
    worked_ms += clock.now_ms() - began_ms;
    yield item;
    if (worked_ms >= WORK_MS_MIN) {
      const rest_ms = worked_ms * REST_SHARE;
      worked_ms = 0;
      await pause(clock, rest_ms);
    }
    began_ms = clock.now_ms();
  }
}
