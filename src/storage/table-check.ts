// SPDX-License-Identifier: Apache-2.0
// LevelDB's tables, verified before LevelDB reads them. It carries a checksum for each block and does not compare it: a
// flipped byte becomes another value, and one within a key ends the process, now or whenever it is read.
// The format is that of leveldb's doc/table_format.md.
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { CofferError } from '../common/index.ts';
import { crc32c } from './crc32c.ts';

const MAGIC = Buffer.from('57fb808b247547db', 'hex');
const FOOTER_BYTES = 48;
/** After each block: one byte for its compression, and the checksum of both, rotated and shifted. */
const MASK_DELTA = 0xa282ead8;
const UNCOMPRESSED = 0;

/** Where a block lies in its table, without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** Tables that are read while one is being checked: a cold disk is then as fast as the checksums are. */
const READERS = 4;

/** Reads all tables of a database that is not open. Throws `store.damaged` with the name of one that was altered. */
export async function checkTables(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => /\.(ldb|sst)$/.test(name)).sort();
  const altered: string[] = [];
  const readNext = async (buffer: TableBuffer): Promise<void> => {
    for (let name = names.shift(); name !== undefined && altered.length === 0; name = names.shift()) {
      if (!isTableWhole(await buffer.read(path.join(directory, name)))) {
        altered.push(name);
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, () => readNext(new TableBuffer())));
  const [name] = altered.sort();
  if (name !== undefined) {
    throw new CofferError('store.damaged', `LevelDB's table ${name} in ${directory} was altered`);
  }
}

/**
 * Holds one table after another: a buffer for each would keep the collector busy. It grows by doubling, so that tables of
 * nearly one size do not each want a new one, and a small store wants no large one.
 */
class TableBuffer {
  #buffer = Buffer.alloc(0);

  /** The content of a file, until the next call. */
  async read(file: string): Promise<Buffer> {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > this.#buffer.length) {
        this.#buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
      }
      let used = 0;
      while (used < size) {
        const { bytesRead } = await handle.read(this.#buffer, used, size - used, used);
        if (bytesRead === 0) {
          break;
        }
        used += bytesRead;
      }
      return this.#buffer.subarray(0, used);
    } finally {
      await handle.close();
    }
  }
}

/**
 * Whether each block has its checksum. A file without a footer passes: it is either what a crash left of a table that
 * was being written, which LevelDB deletes, or one that LevelDB itself finds too short.
 */
function isTableWhole(table: Buffer): boolean {
  const footer = table.subarray(-FOOTER_BYTES);
  if (footer.length < FOOTER_BYTES || !footer.subarray(-MAGIC.length).equals(MAGIC)) {
    return true;
  }
  try {
    const reader = new TableReader(footer);
    const metaindex = readBlock(table, reader.handle());
    const index = readBlock(table, reader.handle());
    const handles = [...handlesIn(metaindex), ...handlesIn(index)];
    return handles.every((handle) => readBlock(table, handle) !== undefined);
  } catch (thrown) {
    if (thrown instanceof RangeError) {
      return false;
    }
    throw thrown;
  }
}

/** A block's content. Throws RangeError if it lies outside the table, or its checksum is another. */
function readBlock(table: Buffer, { offset, size }: BlockHandle): Buffer {
  const content = table.subarray(offset, offset + size);
  const checked = table.subarray(offset, offset + size + 1);
  const masked = table.readUInt32LE(offset + size + 1);
  const crc = crc32c(checked);
  const expected = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
  if (content.length !== size || masked !== expected || table[offset + size] !== UNCOMPRESSED) {
    throw new RangeError('the block was altered');
  }
  return content;
}

/** The blocks that an index names: the values of its entries. */
function handlesIn(index: Buffer): readonly BlockHandle[] {
  const restarts = index.readUInt32LE(index.length - 4);
  const reader = new TableReader(index.subarray(0, index.length - 4 * (restarts + 1)));
  const handles: BlockHandle[] = [];
  while (!reader.atEnd) {
    reader.varint();
    const keyLength = reader.varint();
    reader.varint();
    reader.skip(keyLength);
    handles.push(reader.handle());
  }
  return handles;
}

class TableReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  skip(length: number): void {
    this.#offset += length;
  }

  /** Seven bits in each byte, the lowest first. Throws RangeError at the end, and beyond 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < Number.MAX_SAFE_INTEGER; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#offset);
      this.#offset += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
    }
    throw new RangeError('the integer is too large');
  }

  handle(): BlockHandle {
    return { offset: this.varint(), size: this.varint() };
  }
}
