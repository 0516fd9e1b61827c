// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describeLeaks, LeakScanner } from './leak-scanner.ts';

/** Keys that went out of use, which no disk may show any more. */
export class OldKeys {
  readonly #scanner = new LeakScanner();
  readonly #ids = new Set<string>();
  #keys = 0;

  get count(): number {
    return this.#keys;
  }

  addKey(what: string, bytes: Buffer): void {
    this.#scanner.add(what, bytes);
    this.#keys += 1;
  }

  get scanned_bytes(): number {
    return this.#scanner.scanned_bytes;
  }

  /** An id, in hexadecimal. */
  addId(id: string): void {
    this.#ids.add(id);
  }

  /** What is found of them below the directory. */
  foundIn(directory: string): string {
    const leaks = this.#scanner.scanTree(directory);
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(directory, name))
      .filter((file) => statSync(file).isFile())
      .map((file) => ({ file, content: readFileSync(file) }));
    assert.ok(files.length > 4, 'there are files to search');
    const named = [...this.#ids].flatMap((id) =>
      files
        .filter(({ content }) => content.includes(Buffer.from(id, 'hex')) || content.includes(id))
        .map(({ file }) => `the id ${id} in ${file}`),
    );
    return [describeLeaks(leaks), ...named].filter((line) => line !== '').join('\n');
  }
}
