// SPDX-License-Identifier: Apache-2.0
import type { Progress } from '../progress.ts';

const INTERVAL_MS = 700;
/** So often in a row it may go wrong: for a minute. */
const FAILURES_MAX = 85;

interface Places {
  readonly outcome: Element;
  readonly held: Element;
  readonly count: Element;
  readonly meter: HTMLProgressElement;
  readonly news: Element;
  readonly cancel: Element | null;
}

/** Asks how far the rotation of this page is until it has ended, and shows what has changed. */
export function followRotation(): void {
  const root = document.querySelector('[data-progress]');
  const url = root?.getAttribute('data-progress');
  const places = root === null ? undefined : placesIn(root);
  if (typeof url === 'string' && places !== undefined) {
    void follow(url, places);
  }
}

function placesIn(root: Element): Places | undefined {
  const outcome = root.querySelector('[data-outcome]');
  const held = root.querySelector('[data-held]');
  const count = root.querySelector('[data-count]');
  const meter = root.querySelector('progress');
  const news = root.querySelector('[data-news]');
  return outcome === null || held === null || count === null || meter === null || news === null
    ? undefined
    : { outcome, held, count, meter, news, cancel: document.querySelector('#cancel') };
}

async function follow(url: string, places: Places): Promise<void> {
  let failures = 0;
  while (failures < FAILURES_MAX) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    const response = await fetch(url).catch(() => undefined);
    if (response?.status === 401) {
      setText(places.held, 'You were signed out. The rotation goes on by itself.');
      return;
    }
    if (response?.ok === true) {
      failures = 0;
      const progress = (await response.json()) as Progress;
      show(progress, places);
      if (progress.ended) {
        return;
      }
    } else {
      failures += 1;
      setText(places.held, 'It cannot be told how far it is; it is asked for again.');
    }
  }
}

function show(progress: Progress, places: Places): void {
  setText(places.outcome, progress.sentence);
  places.outcome.setAttribute('data-level', progress.level);
  setText(places.held, progress.held);
  setText(places.count, `${progress.done} of ${progress.total}`);
  places.meter.max = Math.max(1, progress.total);
  places.meter.value = progress.total === 0 && progress.ended ? 1 : progress.done;
  for (const { id, state, text } of progress.services) {
    const item = document.getElementById(`service-${id}`);
    if (item !== null && item.getAttribute('data-state') !== state) {
      item.setAttribute('data-state', state);
      tell(text, places);
    }
    if (item !== null) {
      setText(item, text);
    }
  }
  if (progress.ended) {
    tell(progress.sentence, places);
    places.cancel?.remove();
  }
}

/** A line more of what has happened, which is read out. */
function tell(text: string, { news }: Places): void {
  const line = document.createElement('li');
  line.textContent = text;
  news.append(line);
}

/** What is the same is left alone, or it would be read out again. */
function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
