// SPDX-License-Identifier: Apache-2.0
// The ring of the requests on the disk, some slots to a record: each entry of the log fills one slot, and a batch of them
// writes far fewer records than it has entries.
import { CofferError } from '../../common/index.ts';
import { type AppliedRequest, REQUESTS_KEPT } from '../../secrets/index.ts';
import { decodeRequestPage, encodeRequestPage, REQUESTS_PER_PAGE } from './record-codec.ts';
import type { SecretIndex } from './secret-index.ts';
import type { StateDigest } from './state-digest.ts';

/** How many pages there are once so many requests were applied. */
export function requestPageCount(requestsApplied: number): number {
  return Math.ceil(Math.min(requestsApplied, REQUESTS_KEPT) / REQUESTS_PER_PAGE);
}

/** Pages as they are read, one after the other, beginning with the first. */
export class RequestPageReader {
  readonly #requests: AppliedRequest[] = [];
  readonly #added: Buffer[] = [];

  /** Throws `store.damaged` for a page that is not the next one, or comes after one that is not full. */
  add(payload: Buffer, digest: StateDigest): void {
    const { page, requests } = decodeRequestPage(payload);
    if (page * REQUESTS_PER_PAGE !== this.#requests.length) {
      throw new CofferError('store.damaged', `the records of requests go on with page ${page}`);
    }
    this.#requests.push(...requests);
    this.#added.push(digest.add('request', payload));
  }

  /** Of each page, what it adds to the digest. */
  get added(): readonly Buffer[] {
    return this.#added;
  }

  /** The requests in the order of their slots. Throws `store.damaged` unless all are there that are remembered. */
  requests(requestsApplied: number): readonly AppliedRequest[] {
    const [found, kept] = [this.#requests.length, Math.min(requestsApplied, REQUESTS_KEPT)];
    if (found !== kept) {
      throw new CofferError('store.damaged', `there are ${found} requests where ${kept} are remembered`);
    }
    return this.#requests;
  }
}

export interface RequestPage {
  readonly page: number;
  readonly payload: Buffer;
}

/**
 * Which pages have changed, and what each adds to the digest. A page holds what its slots hold, so it is the same on every
 * node, however the entries came in batches.
 */
export class RequestPages {
  readonly #index: SecretIndex;
  readonly #digest: StateDigest;
  /** What each page that is in the digest adds to it. */
  readonly #added: Buffer[];
  readonly #changed = new Set<number>();

  /** `added` is what each page adds to the digest, of those that are in it. */
  constructor(index: SecretIndex, digest: StateDigest, added: readonly Buffer[]) {
    this.#index = index;
    this.#digest = digest;
    this.#added = [...added];
  }

  /** What stands in this slot has changed. */
  touch(slot: number): void {
    this.#changed.add(Math.floor(slot / REQUESTS_PER_PAGE));
  }

  /** Brings the digest up to date, and returns the pages that have changed since the last call. */
  settle(): readonly RequestPage[] {
    const pages: RequestPage[] = [];
    for (const page of this.#changed) {
      const payload = encodeRequestPage(
        page,
        this.#index.requestsFrom(page * REQUESTS_PER_PAGE, REQUESTS_PER_PAGE),
      );
      const before = this.#added[page];
      if (before !== undefined) {
        this.#digest.takeOut(before);
      }
      this.#added[page] = this.#digest.add('request', payload);
      pages.push({ page, payload });
    }
    this.#changed.clear();
    return pages;
  }
}
