// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PutReply } from '../../control/index.ts';
import {
  checkName,
  EXPIRES_LABEL,
  expiryLabel,
  LABEL_LIST,
  type Labels,
  nameKey,
  type PutValue,
  strayLabels,
} from '../../secrets/index.ts';
import { usageError } from '../command-error.ts';
import type { ControlClient, PutWish } from '../control-client.ts';
import { readValue } from '../read-value.ts';
import type { Session } from '../session.ts';
import { humanSize } from '../text.ts';
import { addExamples, collectLabel, formatOption } from './options.ts';

interface PutOptions {
  readonly generate?: string;
  readonly label?: Labels;
  readonly expires?: string;
  readonly cas?: number;
  readonly clobber: boolean;
  readonly format: string;
}

/** They travel in the request's head, which the daemon bounds. */
const LABELS_BYTES_MAX = 32 * 1024;

export function addPut(program: Command, session: Session): void {
  const command = program
    .command('put')
    .description('Store a value: a new secret, or a new version of one.')
    .usage('[OPTIONS] NAME [FILE|-]')
    .argument('<name>', 'the name of the secret: 1 to 64 of a-z A-Z 0-9 - _ .')
    .argument('[file]', 'where the value is, byte for byte; - is standard input; left out, it is asked for')
    .addOption(
      new Option('--generate <spec>', 'let the daemon make the value: hex:32, base64:32, password:24, uuid'),
    )
    .addOption(
      new Option('--label <key=value>', 'set a label; repeatable; replaces all labels').argParser(
        collectLabel,
      ),
    )
    .addOption(
      new Option(
        '--expires <when>',
        'until when the value is good: 2027-01-31, or 90d from each new value; the other labels stay',
      ),
    )
    .addOption(
      new Option('--cas <version>', 'only if this is the current version; 0 for none')
        .argParser(versionNumber)
        .conflicts('clobber'),
    )
    .option('--no-clobber', 'leave a secret that exists as it is')
    .addOption(formatOption('text'))
    .action((name: string, file: string | undefined, options: PutOptions) =>
      put(session, name, file, options),
    );
  addExamples(command, session, [
    ['printf %s "$PASSWORD" | coffer put db_password -', 'from a pipe'],
    ['coffer put db_password', 'asked for at the terminal, without showing it'],
    ['coffer put tls_key ./server.key --label env=prod', 'from a file, with a label'],
    ['coffer put api_token --generate hex:32 --no-clobber', 'made by the daemon, once'],
    ['coffer put api_token token.txt --expires 90d', 'good for 90 days, as is each later value'],
    ['coffer put db_password new.txt --cas 3', 'only if nobody changed version 3 meanwhile'],
  ]);
}

async function put(
  session: Session,
  name: string,
  file: string | undefined,
  options: PutOptions,
): Promise<void> {
  checkName(name);
  const client = await session.client();
  const labels = checkedLabels(await labelsFor(client, name, options));
  warnOfStrayLabels(session, options.label);
  const wish: PutWish = { expect: expectation(options), labels };
  if (options.generate !== undefined) {
    if (file !== undefined) {
      throw usageError('--generate makes the value itself; it takes no file');
    }
    showPut(session, options, await client.generate(name, options.generate, wish));
    return;
  }
  const value = await readValue(session, name, file);
  try {
    showPut(session, options, await client.put(name, value, wish));
  } finally {
    value.fill(0);
  }
}

/** They are stored all the same: a later coffer may know them. */
function warnOfStrayLabels(session: Session, labels: Labels = {}): void {
  for (const label of strayLabels(labels, 'store')) {
    const why = Object.hasOwn(LABEL_LIST, label)
      ? "it is for one of the engine's secrets, or for a container"
      : 'coffer knows no such label';
    session.warn(`label ${label} has no effect on a secret in coffer: ${why}`);
  }
}

/** Undefined: those that are there stay. */
async function labelsFor(
  client: ControlClient,
  name: string,
  { expires, label }: PutOptions,
): Promise<Labels | undefined> {
  if (expires === undefined) {
    return label;
  }
  const added = { [EXPIRES_LABEL]: expires };
  expiryLabel(added);
  return { ...(label ?? (await storedLabels(client, name))), ...added };
}

async function storedLabels(client: ControlClient, name: string): Promise<Labels> {
  const { secrets } = await client.secrets();
  return secrets.find((secret) => nameKey(secret.name) === nameKey(name))?.labels ?? {};
}

function expectation({ cas, clobber }: PutOptions): PutValue['expect'] {
  return cas ?? (clobber ? 'always' : 'absent');
}

function checkedLabels(labels: Labels | undefined): Labels | undefined {
  const size = encodeURIComponent(JSON.stringify(labels ?? {})).length;
  if (size > LABELS_BYTES_MAX) {
    throw usageError(`the labels are too long: together they may have some ${LABELS_BYTES_MAX} bytes`);
  }
  return labels;
}

/** What has come of it. */
export function showPut(
  session: Session,
  { format }: Pick<PutOptions, 'format'>,
  { secret, changed }: PutReply,
): void {
  if (format === 'json') {
    session.printJson({ name: secret.name, version: secret.version, size: secret.size, changed });
    return;
  }
  session.print(
    changed
      ? `${secret.name}: version ${secret.version}, ${humanSize(secret.size)}`
      : `${secret.name}: is there, kept at version ${secret.version}`,
  );
}

function versionNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new InvalidArgumentError('It is a version number, 0 for none.');
  }
  return Number(text);
}
