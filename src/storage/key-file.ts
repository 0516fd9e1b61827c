// SPDX-License-Identifier: Apache-2.0
// The file with the node's keys. It lies beside the data, so by itself it protects a copied database, not a
// stolen disk; `sealedBy` is where the unlock key comes in.
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { checkKey, dataKey, type DataKey, Keyring } from '../crypto/index.ts';
import { writeFileAtomically } from './atomic-file.ts';

/** 3: eight requests to a record, and an index in each entry of the log. What earlier formats stood for cannot be read. */
const FORMAT = 3;
const OlderFileSchema = v.object({ format: v.pipe(v.number(), v.maxValue(FORMAT - 1)) });

const KeyFileSchema = v.strictObject({
  format: v.literal(FORMAT),
  /** False until the first start has come to its end: until then nothing was ever acknowledged. */
  initialized: v.boolean(),
  sealedBy: v.literal('none'),
  active: v.string(),
  keys: v.pipe(v.array(v.strictObject({ id: v.string(), key: v.string() })), v.minLength(1), v.maxLength(64)),
  indexKey: v.strictObject({ id: v.string(), key: v.string() }),
});

export interface KeyFile {
  readonly keyring: Keyring;
  readonly initialized: boolean;
}

/** Reads the key file; undefined if there is none. Throws `store.damaged` for one that is not whole. */
export async function readKeyFile(file: string): Promise<KeyFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return undefined;
    }
    throw CofferError.from(thrown, 'store.faulted');
  }
  if (v.is(v.pipe(v.string(), v.parseJson(), OlderFileSchema), text)) {
    throw new CofferError('store.damaged', `${file} belongs to a store of an older version of coffer`, {
      hint: 'Go back to the version that wrote it, or move the state directory away to begin with an empty store.',
    });
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), KeyFileSchema), text);
  if (!parsed.success) {
    // Not the parser's own words: they quote what they could not read, which may be a piece of a key.
    throw new CofferError('store.damaged', `${file} is not a key file that this version can read`);
  }
  const keys = parsed.output.keys.map((entry) => readKey(file, entry));
  const active = keys.find((key) => key.id.toString('hex') === parsed.output.active);
  if (active === undefined) {
    throw new CofferError('store.damaged', `${file} lacks its active key`);
  }
  const retired = keys.filter((key) => key !== active);
  const indexKey = readKey(file, parsed.output.indexKey).bytes;
  return { keyring: new Keyring(active, retired, indexKey), initialized: parsed.output.initialized };
}

/** Writes the keys, atomically and with mode 0600. */
export async function writeKeyFile(file: string, { keyring, initialized }: KeyFile): Promise<void> {
  const content: v.InferOutput<typeof KeyFileSchema> = {
    format: FORMAT,
    initialized,
    sealedBy: 'none',
    active: keyring.active.id.toString('hex'),
    keys: keyring.all().map(writtenKey),
    indexKey: writtenKey(dataKey(keyring.indexKey)),
  };
  await writeFileAtomically(file, Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`));
}

function writtenKey(key: DataKey): { id: string; key: string } {
  return { id: key.id.toString('hex'), key: key.bytes.toString('base64') };
}

/** A key's id is a hash of it, so a damaged key names itself before anything fails to open. */
function readKey(file: string, entry: { readonly id: string; readonly key: string }): DataKey {
  const key = dataKey(checkKey(Buffer.from(entry.key, 'base64'), `a key in ${file}`));
  if (key.id.toString('hex') !== entry.id) {
    throw new CofferError('store.damaged', `key ${entry.id.slice(0, 16)} in ${file} was altered`);
  }
  return key;
}
