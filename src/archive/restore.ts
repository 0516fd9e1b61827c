// SPDX-License-Identifier: Apache-2.0
// Puts the secrets of a backup into the store: several at a time, each with its newest versions first.
import type { BackedUpSecret, BackupRecord } from '../backup/index.ts';
import { CofferError, invariant, SecretValue } from '../common/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import { type Command, NOTICE_MARK_NAME, type RestoredVersion } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { groupsOf, sizeOf } from './restored-sizes.ts';

/** What becomes of a secret whose name or id is there already. */
export type Existing = 'refuse' | 'skip' | 'replace';

export interface RestoreWish {
  readonly existing: Existing;
  /** Reads and compares all, and changes nothing. */
  readonly check: boolean;
}

/** What became of the secrets of a backup, or would become of them. */
export interface RestoreSummary {
  /** They were not there. */
  readonly restored: number;
  readonly replaced: number;
  /** They were there, and are as they were. */
  readonly skipped: number;
  /** Of those that were restored or replaced. */
  readonly versions: number;
}

/** A change may wait for a new leader. */
const PROPOSE_TIMEOUT_MS = 25_000;
/** What is under way at once: secrets, and bytes of them. */
const SECRETS_MAX = 32;
const UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024;
/** How many names a refusal lists. */
const NAMES_MAX = 5;

interface Gathered {
  readonly secret: BackedUpSecret;
  readonly versions: RestoredVersion[];
}

/**
 * Restores what `records` hold, which is verified as it comes: see `openBackup`. Rejects with `secret.exists` if secrets are
 * there and `existing` is `refuse`: after all was read with `check`, and otherwise at the first one. What was restored
 * before an error stays; the error says how much that is.
 */
export async function restoreBackup(
  store: SecretStore,
  records: AsyncIterable<BackupRecord>,
  wish: RestoreWish,
): Promise<RestoreSummary> {
  const restore = new Restore(store, wish);
  let gathered: Gathered | undefined;
  try {
    for await (const record of records) {
      if (record.kind === 'value') {
        gathered?.versions.push(versionOf(record));
        continue;
      }
      if (gathered !== undefined) {
        const whole = gathered;
        gathered = undefined;
        await restore.take(whole);
      }
      if (record.kind === 'secret') {
        gathered = { secret: record.secret, versions: [] };
      } else if (record.kind === 'sealing-key') {
        await restore.takeSealingKey(record.key);
      }
    }
    return await restore.finish();
  } catch (thrown) {
    gathered?.versions.forEach(({ value }) => value.wipe());
    throw await restore.failed(thrown);
  }
}

function versionOf({ bytes, number, secret }: BackupRecord & { readonly kind: 'value' }): RestoredVersion {
  const createdAt_ms = secret.versions.find((version) => version.number === number)?.createdAt_ms;
  invariant(createdAt_ms !== undefined, 'a value belongs to a version of its secret');
  return { number, createdAt_ms, value: SecretValue.copyOf(bytes) };
}

class Restore {
  readonly #store: SecretStore;
  readonly #wish: RestoreWish;
  readonly #underWay = new Set<Promise<void>>();
  #underWay_bytes = 0;
  #error: CofferError | undefined;
  readonly #conflicts: string[] = [];
  #conflictCount = 0;
  /** Those that have their newest versions alone, since what came after failed. */
  readonly #incomplete: string[] = [];
  #restored = 0;
  #replaced = 0;
  #skipped = 0;
  #versions = 0;

  constructor(store: SecretStore, wish: RestoreWish) {
    this.#store = store;
    this.#wish = wish;
  }

  /** Takes a secret on its way, and waits while there are enough of them. The values are wiped when it is done. */
  async take(gathered: Gathered): Promise<void> {
    const { secret, versions } = gathered;
    const there = this.#store.byName(secret.name) ?? this.#store.byId(secret.id);
    const { check } = this.#wish;
    const existing = this.#existing(secret);
    if (there !== undefined && existing === 'refuse') {
      this.#conflict(secret.name);
    }
    if (check || (there !== undefined && existing !== 'replace')) {
      this.#count(secret, there !== undefined);
      wipe(versions);
      return;
    }
    const size_bytes = sizeOf(secret);
    this.#underWay_bytes += size_bytes;
    const work = this.#put(gathered, there !== undefined)
      .catch((thrown: unknown) => {
        this.#error ??= CofferError.from(thrown);
      })
      .finally(() => {
        wipe(versions);
        this.#underWay_bytes -= size_bytes;
        this.#underWay.delete(work);
      });
    this.#underWay.add(work);
    while (this.#underWay.size >= SECRETS_MAX || this.#underWay_bytes > UNDER_WAY_BYTES_MAX) {
      await Promise.race(this.#underWay);
    }
    this.#requireSuccess();
  }

  /** One that is there stays as it is. */
  async takeSealingKey(key: SealingKeyObject): Promise<void> {
    if (!this.#wish.check && this.#store.cluster.sealingKey(key.id) === undefined) {
      await this.#propose({ kind: 'restore-sealing-key', key });
    }
  }

  /** Waits for what is under way. */
  async finish(): Promise<RestoreSummary> {
    await Promise.all(this.#underWay);
    this.#requireSuccess();
    if (this.#conflictCount > 0) {
      throw this.#conflictError();
    }
    return {
      restored: this.#restored,
      replaced: this.#replaced,
      skipped: this.#skipped,
      versions: this.#versions,
    };
  }

  /** The error, with what was changed before it. */
  async failed(thrown: unknown): Promise<CofferError> {
    await Promise.all(this.#underWay);
    const error = CofferError.from(thrown);
    const changed = this.#restored + this.#replaced + this.#incomplete.length;
    if (this.#wish.check || changed === 0) {
      return error;
    }
    const count = `${changed} ${changed === 1 ? 'secret was' : 'secrets were'} restored before that`;
    const lacking = `; older versions are missing of ${listed(this.#incomplete, this.#incomplete.length)}`;
    return new CofferError(
      error.code,
      `${error.detail}; ${count}${this.#incomplete.length === 0 ? '' : lacking}`,
      {
        hint: 'Restore again when that is mended: --existing skip leaves those that are there, replace puts them in again.',
        cause: error,
      },
    );
  }

  async #put({ secret, versions }: Gathered, replaces: boolean): Promise<void> {
    const { id, name, labels, origin, destroyed, createdAt_ms, updatedAt_ms } = secret;
    const wished = this.#existing(secret);
    const existing = wished === 'replace' ? 'replace' : 'refuse';
    const [newest = [], ...older] = groupsOf(versions);
    const first: Command = {
      kind: 'restore',
      id,
      name,
      labels,
      origin,
      existing,
      createdAt_ms,
      updatedAt_ms,
      versions: newest,
      destroyed,
    };
    try {
      await this.#propose(first);
    } catch (thrown) {
      // It came to be after it was looked for.
      if (wished === 'skip' && isExists(thrown)) {
        this.#skipped += 1;
        return;
      }
      throw thrown;
    }
    try {
      for (const group of older) {
        await this.#propose({ kind: 'restore-versions', id, versions: group });
      }
    } catch (thrown) {
      this.#incomplete.push(name);
      throw thrown;
    }
    this.#count(secret, replaces);
  }

  async #propose(command: Command): Promise<void> {
    await this.#store.propose(command, { timeout_ms: PROPOSE_TIMEOUT_MS });
  }

  /** What the receiver of notices was told stays told, whatever is restored. */
  #existing({ name }: BackedUpSecret): Existing {
    return name === NOTICE_MARK_NAME ? 'skip' : this.#wish.existing;
  }

  #count(secret: BackedUpSecret, there: boolean): void {
    if (there && this.#existing(secret) !== 'replace') {
      this.#skipped += 1;
      return;
    }
    this.#versions += secret.versions.length;
    if (there) {
      this.#replaced += 1;
    } else {
      this.#restored += 1;
    }
  }

  #conflict(name: string): void {
    this.#conflictCount += 1;
    if (this.#conflicts.length < NAMES_MAX) {
      this.#conflicts.push(name);
    }
    if (!this.#wish.check) {
      throw this.#conflictError();
    }
  }

  #conflictError(): CofferError {
    const names = listed(this.#conflicts, this.#conflictCount);
    return new CofferError(
      'secret.exists',
      this.#conflictCount === 1
        ? `a secret of the backup exists already: ${names}`
        : `secrets of the backup exist already: ${names}`,
      {
        hint: 'Say what is to become of them: --existing skip leaves them as they are, replace puts the backup in their place.',
      },
    );
  }

  #requireSuccess(): void {
    if (this.#error !== undefined) {
      throw this.#error;
    }
  }
}

function listed(names: readonly string[], count: number): string {
  const shown = names.slice(0, NAMES_MAX);
  const more = count - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function isExists(thrown: unknown): boolean {
  return thrown instanceof CofferError && thrown.code === 'secret.exists';
}

function wipe(versions: readonly RestoredVersion[]): void {
  versions.forEach(({ value }) => value.wipe());
}
