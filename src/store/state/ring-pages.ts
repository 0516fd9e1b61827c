// SPDX-License-Identifier: Apache-2.0
// The rings of deliveries and requests on the disk, some slots to a record: each entry of the log fills one slot or many, and a batch
// of entries writes far fewer records than that.
import { CofferError } from '../../common/index.ts';
import { type AppliedRequest, DELIVERIES_KEPT, type Delivery, REQUESTS_KEPT } from '../../secrets/index.ts';
import { decodePage, DELIVERY_PAGES, encodePage, type PageFormat, REQUEST_PAGES } from './record-codec.ts';
import type { StateDigest } from './state-digest.ts';

export type RingKind = 'delivery' | 'request';

/** What each page of a ring adds to the digest, from the first page on. */
export type AddedByPages = Readonly<Record<RingKind, readonly Buffer[]>>;

/** How a ring lies on the disk. */
export interface Ring<Held> {
  readonly kind: RingKind;
  readonly slots: number;
  readonly pages: PageFormat<Held>;
}

export const DELIVERY_RING: Ring<Delivery> = {
  kind: 'delivery',
  slots: DELIVERIES_KEPT,
  pages: DELIVERY_PAGES,
};

export const REQUEST_RING: Ring<AppliedRequest> = {
  kind: 'request',
  slots: REQUESTS_KEPT,
  pages: REQUEST_PAGES,
};

/** How many slots are in use once so many were ever put. */
function slotsUsed<Held>({ slots }: Ring<Held>, everPut: number): number {
  return Math.min(everPut, slots);
}

/** How many pages there are once so many were ever put. */
export function pageCount<Held>(ring: Ring<Held>, everPut: number): number {
  return Math.ceil(slotsUsed(ring, everPut) / ring.pages.slots);
}

/** Pages as they are read, one after the other, beginning with the first. */
export class RingPageReader<Held> {
  readonly #ring: Ring<Held>;
  readonly #held: Held[] = [];
  readonly #added: Buffer[] = [];

  constructor(ring: Ring<Held>) {
    this.#ring = ring;
  }

  /** Throws `store.damaged` for a page that is not the next one, or comes after one that is not full. */
  add(payload: Buffer, digest: StateDigest): void {
    const { kind, pages, slots } = this.#ring;
    const { held, page } = decodePage(pages, payload);
    if (page * pages.slots !== this.#held.length || this.#held.length >= slots) {
      throw new CofferError('store.damaged', `the records of kind ${kind} go on with page ${page}`);
    }
    this.#held.push(...held);
    this.#added.push(digest.add(kind, payload));
  }

  /** Of each page, what it adds to the digest. */
  get added(): readonly Buffer[] {
    return this.#added;
  }

  /** What the slots hold, in their order. Throws `store.damaged` unless all is there that is remembered of `everPut`. */
  held(everPut: number): readonly Held[] {
    const [found, kept] = [this.#held.length, slotsUsed(this.#ring, everPut)];
    if (found !== kept) {
      throw new CofferError(
        'store.damaged',
        `the records of kind ${this.#ring.kind} hold ${found} where ${kept} are remembered`,
      );
    }
    return this.#held;
  }
}

export interface ChangedPage {
  readonly page: number;
  readonly payload: Buffer;
}

/**
 * Which pages have changed, and what each adds to the digest. A page holds what its slots hold, so it is the same on every
 * node, however the entries came in batches.
 */
export class RingPages<Held> {
  readonly #ring: Ring<Held>;
  /** What stands in `count` slots from `slot` on, as far as they were ever used. */
  readonly #heldFrom: (slot: number, count: number) => readonly Held[];
  readonly #digest: StateDigest;
  /** What each page that is in the digest adds to it. */
  readonly #added: Buffer[];
  readonly #changed = new Set<number>();

  /** `added` is what each page adds to the digest, of those that are in it. */
  constructor(
    ring: Ring<Held>,
    heldFrom: (slot: number, count: number) => readonly Held[],
    digest: StateDigest,
    added: readonly Buffer[],
  ) {
    this.#ring = ring;
    this.#heldFrom = heldFrom;
    this.#digest = digest;
    this.#added = [...added];
  }

  /** What stands in this slot has changed. */
  touch(slot: number): void {
    this.#changed.add(Math.floor(slot / this.#ring.pages.slots));
  }

  /** Brings the digest up to date, and returns the pages that have changed since the last call. */
  settle(): readonly ChangedPage[] {
    const { kind, pages: format } = this.#ring;
    const pages: ChangedPage[] = [];
    for (const page of this.#changed) {
      const held = this.#heldFrom(page * format.slots, format.slots);
      const payload = encodePage(format, { page, held });
      const before = this.#added[page];
      if (before !== undefined) {
        this.#digest.takeOut(before);
      }
      this.#added[page] = this.#digest.add(kind, payload);
      pages.push({ page, payload });
    }
    this.#changed.clear();
    return pages;
  }
}
