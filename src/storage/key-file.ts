// SPDX-License-Identifier: Apache-2.0
// The file with the node's keys. It lies beside the data, so in the clear it protects a copied database, not a stolen disk.
// Sealed by the unlock key it protects both.
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { CofferError, type SecretValue } from '../common/index.ts';
import { checkKey, dataKey, type DataKey, Keyring, unlockKeyId } from '../crypto/index.ts';
import { readTextIfThere } from './read-text.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { type KeySet, openKeyring, sealKeyring } from './sealed-keyring.ts';

/** 3: eight requests to a record, and an index in each entry of the log. What earlier formats stood for cannot be read. */
const FORMAT = 3;
const OlderFileSchema = v.object({ format: v.pipe(v.number(), v.maxValue(FORMAT - 1)) });

const version = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const common = {
  format: v.literal(FORMAT),
  /** False until the first start has come to its end: until then nothing was ever acknowledged. */
  initialized: v.boolean(),
  /** Which change of autolock the file follows; absent before the first. */
  sealVersion: v.optional(version),
};

const ClearFileSchema = v.strictObject({
  ...common,
  sealedBy: v.literal('none'),
  active: v.string(),
  keys: v.pipe(v.array(v.strictObject({ id: v.string(), key: v.string() })), v.minLength(1), v.maxLength(64)),
  indexKey: v.strictObject({ id: v.string(), key: v.string() }),
});

const SealedFileSchema = v.strictObject({
  ...common,
  sealVersion: version,
  sealedBy: v.literal('unlock-key'),
  /** See `unlockKeyId`. */
  unlockKeyId: v.string(),
  /** See `sealKeyring`. */
  keys: v.pipe(v.string(), v.base64()),
  /** Of the rest, so that damage is told from a wrong key. */
  digest: v.string(),
});

const KeyFileSchema = v.variant('sealedBy', [ClearFileSchema, SealedFileSchema]);
type Content = v.InferOutput<typeof KeyFileSchema>;
type SealedContent = v.InferOutput<typeof SealedFileSchema>;

/** How the keys on a node's disk are kept. */
export interface Seal {
  /** Counts the changes of autolock in the cluster. 0: there was none. */
  readonly version: number;
  /** What seals them; undefined: they are in the clear. */
  readonly unlockKey: SecretValue | undefined;
}

/** As `Seal`, as far as a file tells it. */
export interface SealDescription {
  readonly version: number;
  readonly unlockKeyId: string | undefined;
}

const UNSEALED: Seal = { version: 0, unlockKey: undefined };

export interface KeyFile {
  readonly keyring: Keyring;
  readonly initialized: boolean;
}

/**
 * Reads the key file; undefined if there is none. Throws `store.locked` for one that is sealed if no key is given,
 * `unlock.wrong-key` for another key than its own, and `store.damaged` for one that is not whole.
 */
export async function readKeyFile(
  file: string,
  unlockKey?: SecretValue,
): Promise<(KeyFile & { readonly seal: SealDescription }) | undefined> {
  const content = await readContent(file);
  if (content === undefined) {
    return undefined;
  }
  const { initialized } = content;
  const seal = describeSeal(content);
  const keyring =
    content.sealedBy === 'none' ? readKeyring(file, content) : openSealed(file, content, unlockKey);
  return { keyring, initialized, seal };
}

/** How the keys are kept; undefined if there is no file. Needs no key. Throws `store.damaged`. */
export async function readKeySeal(file: string): Promise<SealDescription | undefined> {
  const content = await readContent(file);
  return content && describeSeal(content);
}

/** Writes the keys, atomically and with mode 0600. */
export async function writeKeyFile(
  file: string,
  { keyring, initialized }: { readonly keyring: KeySet; readonly initialized: boolean },
  { version: sealVersion, unlockKey }: Seal = UNSEALED,
  write: typeof writeFileAtomically = writeFileAtomically,
): Promise<void> {
  const content: Content =
    unlockKey === undefined
      ? {
          format: FORMAT,
          initialized,
          ...(sealVersion > 0 && { sealVersion }),
          sealedBy: 'none',
          active: keyring.active.id.toString('hex'),
          keys: [...keyring.retired, keyring.active].map(writtenKey),
          indexKey: writtenKey(dataKey(keyring.indexKey)),
        }
      : withDigest({
          format: FORMAT,
          initialized,
          sealVersion,
          sealedBy: 'unlock-key',
          unlockKeyId: unlockKeyId(unlockKey),
          keys: sealKeyring(keyring, unlockKey).toString('base64'),
          digest: '',
        });
  await write(file, Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`));
}

async function readContent(file: string): Promise<Content | undefined> {
  const text = await readTextIfThere(file);
  if (text === undefined) {
    return undefined;
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
  const content = parsed.output;
  if (content.sealedBy === 'unlock-key' && withDigest(content).digest !== content.digest) {
    throw new CofferError('store.damaged', `${file} was altered: it is not what was sealed`);
  }
  return content;
}

function describeSeal(content: Content): SealDescription {
  return {
    version: content.sealVersion ?? 0,
    unlockKeyId: content.sealedBy === 'none' ? undefined : content.unlockKeyId,
  };
}

function withDigest(content: SealedContent): SealedContent {
  const { initialized, keys, sealVersion, unlockKeyId: id } = content;
  const told = JSON.stringify([FORMAT, initialized, sealVersion, id]);
  const hash = createHash('sha256').update(told).update(Buffer.from(keys, 'base64'));
  return { ...content, digest: hash.digest('hex') };
}

function openSealed(file: string, content: SealedContent, unlockKey: SecretValue | undefined): Keyring {
  if (unlockKey === undefined) {
    throw new CofferError(
      'store.locked',
      'this node is locked: its keys are sealed, and it was not given the unlock key',
      {
        hint: 'Unlock it on this node: docker coffer unlock',
      },
    );
  }
  if (unlockKeyId(unlockKey) !== content.unlockKeyId) {
    throw new CofferError('unlock.wrong-key', "this is not the unlock key that seals this node's keys", {
      hint: 'If the key was rotated while this node was down, it is the one from before that.',
    });
  }
  const keyring = openKeyring(Buffer.from(content.keys, 'base64'), unlockKey);
  if (keyring === undefined) {
    throw new CofferError('store.damaged', `the keys in ${file} do not open`);
  }
  return keyring;
}

function readKeyring(file: string, content: v.InferOutput<typeof ClearFileSchema>): Keyring {
  const keys = content.keys.map((entry) => readKey(file, entry));
  const active = keys.find((key) => key.id.toString('hex') === content.active);
  if (active === undefined) {
    throw new CofferError('store.damaged', `${file} lacks its active key`);
  }
  const retired = keys.filter((key) => key !== active);
  return new Keyring(active, retired, readKey(file, content.indexKey).bytes);
}

function writtenKey(key: DataKey): { id: string; key: string } {
  return { id: key.id.toString('hex'), key: key.bytes.toString('base64') };
}

/** A key's id is a hash of it, so a damaged key is told before anything fails to open. What the file has for an id may be a key. */
function readKey(file: string, entry: { readonly id: string; readonly key: string }): DataKey {
  const key = dataKey(checkKey(Buffer.from(entry.key, 'base64'), `a key in ${file}`));
  if (key.id.toString('hex') !== entry.id) {
    throw new CofferError('store.damaged', `a key in ${file} was altered`);
  }
  return key;
}
