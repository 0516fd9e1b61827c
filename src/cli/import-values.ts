// SPDX-License-Identifier: Apache-2.0
// Values that were found in files, stored under their names unless coffer has something under them.
import { isSecretName, VALUE_BYTES_MAX } from '../secrets/index.ts';
import { CommandError, EXIT, usageError } from './command-error.ts';
import { ProgressLine } from './rotation-progress.ts';
import type { Session } from './session.ts';
import { counted, humanSize, renderTable } from './text.ts';

export interface FoundValue {
  readonly name: string;
  /** Where it was found: `line 3`, `./db.txt`. */
  readonly source: string;
  /** Or why there is none. Wiped when all are done with. */
  readonly value: Buffer | { readonly why: string };
}

export interface ImportedValue {
  readonly name: string;
  readonly source: string;
  /** `planned`: it would be stored. `there`: coffer had a secret of this name, which is kept. */
  readonly state: 'planned' | 'imported' | 'there' | 'left-out' | 'failed';
  readonly version?: number;
  readonly size?: number;
  readonly note?: string;
}

export interface ImportValuesOptions {
  readonly dryRun: boolean;
  readonly format: string;
}

/** Stores them, one after the other, and shows what has come of each. The values are wiped in any case. */
export async function importValues(
  session: Session,
  found: readonly FoundValue[],
  { dryRun, format }: ImportValuesOptions,
): Promise<readonly ImportedValue[]> {
  try {
    refuseTwins(found);
    const imported = await (dryRun ? plan(session, found) : store(session, found));
    if (format === 'json') {
      imported.forEach((one) => session.printJson(one));
    } else {
      session.print(tableOf(imported));
    }
    if (imported.some(({ state }) => state === 'failed')) {
      session.endWith(EXIT.failed);
    }
    return imported;
  } finally {
    found.forEach(({ value }) => Buffer.isBuffer(value) && value.fill(0));
  }
}

async function plan(session: Session, found: readonly FoundValue[]): Promise<readonly ImportedValue[]> {
  const { secrets } = await (await session.client()).secrets();
  const versions = new Map(secrets.map(({ name, version }) => [name.toLowerCase(), version]));
  return found.map((one) => {
    const version = versions.get(one.name.toLowerCase());
    return (
      leftOut(one) ?? {
        ...told(one),
        state: version === undefined ? 'planned' : 'there',
        ...(version !== undefined && { version }),
      }
    );
  });
}

async function store(session: Session, found: readonly FoundValue[]): Promise<readonly ImportedValue[]> {
  const client = await session.client();
  const progress = new ProgressLine(session);
  const imported: ImportedValue[] = [];
  try {
    for (const one of found) {
      imported.push(leftOut(one) ?? (await stored(client, one)));
      if (session.io.stderr.isTTY === true) {
        progress.show(`${imported.length} of ${counted(found.length, 'value')}`);
      }
    }
  } finally {
    progress.end();
  }
  return imported;
}

async function stored(
  client: Awaited<ReturnType<Session['client']>>,
  one: FoundValue,
): Promise<ImportedValue> {
  if (!Buffer.isBuffer(one.value)) {
    return { ...told(one), state: 'left-out', note: one.value.why };
  }
  try {
    const { changed, secret } = await client.put(one.name, one.value, {
      expect: 'absent',
      labels: undefined,
    });
    const note =
      changed || secret.size === one.value.length ? {} : { note: `it has ${secret.size} bytes there` };
    return { ...told(one), state: changed ? 'imported' : 'there', version: secret.version, ...note };
  } catch (thrown) {
    if (thrown instanceof CommandError) {
      return { ...told(one), state: 'failed', note: thrown.message };
    }
    throw thrown;
  }
}

function told({ name, source, value }: FoundValue): Pick<ImportedValue, 'name' | 'size' | 'source'> {
  return { name, source, ...(Buffer.isBuffer(value) && { size: value.length }) };
}

function leftOut(one: FoundValue): ImportedValue | undefined {
  const { name, value } = one;
  const note = !Buffer.isBuffer(value)
    ? value.why
    : !isSecretName(name)
      ? 'it is no name of a secret: 1 to 64 of a-z A-Z 0-9 - _ . with a letter or a digit at both ends'
      : value.length === 0 || value.length > VALUE_BYTES_MAX
        ? `a value has 1 to ${VALUE_BYTES_MAX} bytes`
        : undefined;
  return note === undefined ? undefined : { ...told(one), state: 'left-out', note };
}

/** To coffer they are one. */
function refuseTwins(found: readonly FoundValue[]): void {
  const byKey = new Map<string, FoundValue>();
  for (const one of found) {
    const other = byKey.get(one.name.toLowerCase());
    if (other !== undefined) {
      throw usageError(
        `${other.name} (${other.source}) and ${one.name} (${one.source}) would be one secret: names differ in more than their case; nothing was imported`,
      );
    }
    byKey.set(one.name.toLowerCase(), one);
  }
}

function tableOf(imported: readonly ImportedValue[]): string {
  return renderTable(
    ['NAME', 'SIZE', 'FROM', 'IN COFFER'],
    imported.map((one) => [
      one.name,
      one.size === undefined ? '' : humanSize(one.size),
      one.source,
      stateText(one),
    ]),
  );
}

function stateText({ note, state, version = 1 }: ImportedValue): string {
  const why = note === undefined ? '' : `: ${note}`;
  const texts: Readonly<Record<ImportedValue['state'], string>> = {
    planned: 'would become version 1',
    imported: `version ${version}`,
    there: `is there, kept at version ${version}${why}`,
    'left-out': `left out${why}`,
    failed: `failed${why}`,
  };
  return texts[state];
}
