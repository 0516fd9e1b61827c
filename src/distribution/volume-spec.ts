// SPDX-License-Identifier: Apache-2.0
// What a volume's name and options say. Node and leader read them alike, so that they mean the same to both.
import { CofferError } from '../common/index.ts';
import { isSecretName, NAME_LENGTH_MAX } from '../secrets/index.ts';
import { nearest } from './nearest.ts';
import type { VolumeFile, VolumeSpec } from './volume-model.ts';

const OPTIONS = ['secret', 'secrets', 'uid', 'gid', 'mode'] as const;
type Option = (typeof OPTIONS)[number];

/** Files of one volume: more than a container reads. */
const FILES_MAX = 100;
/** As file systems have it. */
const FILE_BYTES_MAX = 255;
/** 2^32 - 1 means "leave it as it is" to the kernel. */
const OWNER_MAX = 2 ** 32 - 2;
const MODE_DEFAULT = 0o444;
const WRITE_BITS = 0o222;
const MODE_PATTERN = /^0?[0-7]{3}$/;
const NUMBER_PATTERN = /^[0-9]{1,10}$/;

const ENTRY_HINT = 'Write NAME, NAME:FILE or NAME:FILE:MODE.';
const MODE_HINT = 'Give three octal digits without write permission, such as 0444 or 0400.';

/** What all files of a volume have in common. */
interface Defaults {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A secret in the options, and where it stands there, for sentences. */
interface Entry {
  readonly text: string;
  readonly place: string;
}

/**
 * Reads a volume's options as docs/volumes.md lists them. Throws `volume.options-invalid`; its sentence quotes names of
 * options, but nothing that stands behind them, where somebody may have put a value by mistake.
 */
export function parseVolume(name: string, options: Readonly<Record<string, string>>): VolumeSpec {
  requireKnown(options);
  const defaults: Defaults = {
    uid: readOwner('uid', options),
    gid: readOwner('gid', options),
    mode: readMode(valueOf(options, 'mode'), 'the option mode') ?? MODE_DEFAULT,
  };
  const entries = [...entryOfSecret(options), ...entriesOfSecrets(options)];
  const files =
    entries.length === 0
      ? [fileOfVolume(name, defaults)]
      : entries.slice(0, FILES_MAX + 1).map((entry) => readEntry(entry, defaults));
  if (files.length > FILES_MAX) {
    throw invalid(`the volume has more than ${FILES_MAX} files`, 'Make several volumes of it.');
  }
  requireDistinct(files);
  return { files };
}

function requireKnown(options: Readonly<Record<string, string>>): void {
  const names: readonly string[] = OPTIONS;
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, OPTIONS);
    throw invalid(
      `there is no option ${shown(unknown)} for a volume of secrets; the options are ${OPTIONS.join(', ')}`,
      meant === undefined ? 'Leave it out.' : `Write ${meant} if you meant that.`,
    );
  }
}

function valueOf(options: Readonly<Record<string, string>>, name: Option): string | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

function readOwner(name: 'uid' | 'gid', options: Readonly<Record<string, string>>): number {
  const text = valueOf(options, name) ?? '0';
  if (!NUMBER_PATTERN.test(text) || Number(text) > OWNER_MAX) {
    throw invalid(
      `the option ${name} is not a whole number from 0 to ${OWNER_MAX}`,
      `Give the number, not the name: id prints it.`,
    );
  }
  return Number(text);
}

function readMode(text: string | undefined, place: string): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (!MODE_PATTERN.test(text)) {
    throw invalid(`${place} is not a mode in octal`, MODE_HINT);
  }
  const mode = Number.parseInt(text, 8);
  if ((mode & WRITE_BITS) !== 0) {
    throw invalid(`${place} lets somebody write, and secrets are only read`, MODE_HINT);
  }
  return mode;
}

function entryOfSecret(options: Readonly<Record<string, string>>): readonly Entry[] {
  const text = valueOf(options, 'secret');
  return text === undefined ? [] : [{ text, place: 'the option secret' }];
}

function entriesOfSecrets(options: Readonly<Record<string, string>>): readonly Entry[] {
  const text = valueOf(options, 'secrets');
  if (text === undefined) {
    return [];
  }
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  if (entries.length === 0) {
    throw invalid('the option secrets names no secret', 'Name some, with commas between them.');
  }
  return entries.map((entry, at) => ({ text: entry, place: `entry ${at + 1} of the option secrets` }));
}

function fileOfVolume(name: string, defaults: Defaults): VolumeFile {
  if (!isSecretName(name)) {
    throw invalid(
      'the volume names no secret, and its own name is not one that a secret can have',
      'Say which secret it is, with the option secret=NAME.',
    );
  }
  return { secret: name, file: name, ...defaults };
}

function readEntry({ text, place }: Entry, defaults: Defaults): VolumeFile {
  const [secret = '', file = secret, mode, ...others] = text.split(':');
  if (others.length > 0) {
    throw invalid(`${place} has more than three parts`, ENTRY_HINT);
  }
  if (!isSecretName(secret)) {
    throw invalid(
      `${place} names no secret: a name is 1 to ${NAME_LENGTH_MAX} of [a-zA-Z0-9-_.], the first and last of [a-zA-Z0-9]`,
      ENTRY_HINT,
    );
  }
  requireFileName(file, place);
  return { secret, file, ...defaults, mode: readMode(mode, `the mode in ${place}`) ?? defaults.mode };
}

function requireFileName(file: string, place: string): void {
  const hint = 'Give the file a plain name: it lies in the directory that the container mounts.';
  if (file.includes('/')) {
    throw invalid(`the file in ${place} has a slash in its name`, hint);
  }
  const fits = file !== '' && Buffer.byteLength(file) <= FILE_BYTES_MAX && !file.includes('\0');
  if (!fits || file === '.' || file === '..') {
    throw invalid(`the file in ${place} has no name that a file can have`, hint);
  }
}

function requireDistinct(files: readonly VolumeFile[]): void {
  const seen = new Set<string>();
  for (const [at, { file }] of files.entries()) {
    if (seen.has(file)) {
      throw invalid(
        `file ${at + 1} of the volume has the name of one before it`,
        'Give each a name of its own: NAME:FILE.',
      );
    }
    seen.add(file);
  }
}

/** A name in a sentence, whatever is in it. */
function shown(name: string): string {
  const start = name.slice(0, NAME_LENGTH_MAX);
  return JSON.stringify(start === name ? name : `${start}...`);
}

function invalid(sentence: string, hint: string): CofferError {
  return new CofferError('volume.options-invalid', sentence, { hint });
}
