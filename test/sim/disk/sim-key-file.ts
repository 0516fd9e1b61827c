// SPDX-License-Identifier: Apache-2.0
// The file with a node's keys on its simulated disk. It is replaced as a whole: a crash leaves what was there, or what shall be.
import { dataKey, Keyring } from '../../../src/crypto/index.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { DiskBehaviour } from './disk-behaviour.ts';
import { forever, type Host, waitForDisk } from './sim-database.ts';

const KEY_BYTES = 32;

/** As far as it is read here; see `storage/key-file.ts`. */
interface Content {
  readonly active: string;
  readonly keys: readonly { readonly id: string; readonly key: string }[];
}

export class SimKeyFile {
  readonly #random: RandomStream;
  readonly #nonces: RandomStream;
  readonly #indexKey: Buffer;
  /** Told when other keys than before are on the disk. */
  readonly #onReplaced: () => void;
  #content: Content;
  #inFlight: Content | undefined;
  /** All keys that there ever were, for those who check what the disk holds. */
  #everything: Keyring;

  constructor(random: RandomStream, indexKey: Buffer, onReplaced: () => void) {
    this.#random = random.fork('key file');
    this.#nonces = random.fork('nonces');
    this.#indexKey = indexKey;
    this.#onReplaced = onReplaced;
    const key = dataKey(random.fork('key').bytes(KEY_BYTES));
    this.#everything = new Keyring(key, [], indexKey);
    const id = key.id.toString('hex');
    this.#content = { active: id, keys: [{ id, key: key.bytes.toString('base64') }] };
  }

  get everything(): Keyring {
    return this.#everything;
  }

  /** The ids of the keys that are on the disk, the active one first, in hexadecimal. */
  get ids(): readonly string[] {
    const { active, keys } = this.#content;
    return [active, ...keys.map(({ id }) => id).filter((id) => id !== active)];
  }

  /** The keys as a process reads them at its start. */
  read(): Keyring {
    const keys = this.ids.map((id) => dataKey(this.#bytesOf(id)));
    const [active, ...retired] = keys;
    if (active === undefined) {
      throw new RangeError('there is no key');
    }
    return new Keyring(active, retired, Buffer.from(this.#indexKey), (size) => this.#nonces.bytes(size));
  }

  /** Writes what a store wants to be in the file. */
  async write(content: Uint8Array, behaviour: DiskBehaviour, host: Host): Promise<void> {
    if (!host.alive) {
      await forever();
    }
    this.#inFlight = JSON.parse(Buffer.from(content).toString('utf8')) as Content;
    await waitForDisk(behaviour, host, content.length, true);
    const failure = behaviour.takeFailure();
    if (failure !== undefined) {
      throw new Error(`the key file was not written: ${failure}`);
    }
    this.#land();
  }

  /** The process ends here; true if it ends in a write. */
  crash(): boolean {
    const inWrite = this.#inFlight !== undefined;
    if (inWrite && this.#random.chance(0.5)) {
      this.#land();
    }
    this.#inFlight = undefined;
    return inWrite;
  }

  #land(): void {
    if (this.#inFlight === undefined) {
      return;
    }
    this.#content = this.#inFlight;
    this.#inFlight = undefined;
    const known = this.#everything;
    const added = this.ids.filter((id) => known.find(Buffer.from(id, 'hex')) === undefined);
    const keys = [...known.all(), ...added.map((id) => dataKey(this.#bytesOf(id)))];
    this.#everything = new Keyring(known.active, keys, this.#indexKey);
    this.#onReplaced();
  }

  #bytesOf(id: string): Buffer {
    const written = this.#content.keys.find((key) => key.id === id);
    return Buffer.from(written?.key ?? '', 'base64');
  }
}
