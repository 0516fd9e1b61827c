// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { SecretValue, systemErrorCode } from '../../common/index.ts';
import {
  CERTIFICATE_BYTES_MAX,
  checkedScope,
  parseCertificate,
  parseSealed,
  type SealedScope,
  type SealingCertificate,
  scopeInStack,
  sealValue,
} from '../../sealing/index.ts';
import { LABELS } from '../../secrets/index.ts';
import { usageError } from '../command-error.ts';
import { readValue } from '../read-value.ts';
import { SealingClient } from '../sealing-client.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface SealOptions {
  readonly name?: string;
  readonly engineName?: string;
  readonly stack?: string;
  readonly cert?: string;
  readonly format: string;
}

export function addSeal(program: Command, session: Session): void {
  const command = program
    .command('seal')
    .description(
      `Seal a value for one secret: prints what goes into its label ${LABELS.sealed}, which may be published.`,
    )
    .usage('[OPTIONS] --name NAME [FILE|-]')
    .argument('[file]', 'where the value is, byte for byte; - is standard input; left out, it is asked for')
    .addOption(
      new Option(
        '--name <name>',
        'the secret: what the stack file calls it, or its name in the engine where there is no stack',
      ),
    )
    .addOption(
      new Option(
        '--engine-name <name>',
        'in the place of --name: its whole name in the engine, where the stack file gives it one by `name:`',
      ).conflicts('name'),
    )
    .addOption(
      new Option(
        '--stack <stack>',
        'the stack for which it is, as docker stack deploy is given it; left out: none',
      ),
    )
    .addOption(
      new Option(
        '--cert <file>',
        'what sealing-key --certificate has printed: then no daemon is needed; left out, the daemon is asked',
      ),
    )
    .addOption(formatOption('text'))
    .action((file: string | undefined, options: SealOptions) => seal(session, file, options));
  addExamples(command, session, [
    [
      'printf %s "$PASSWORD" | coffer seal --name db_password --stack shop --cert sealing.pem -',
      'for the secret db_password of shop.yml, which is deployed as shop',
    ],
    ['coffer seal --name tls_key --stack shop server.key', 'from a file, to the key of the cluster here'],
    [
      'docker secret create --driver coffer --label coffer.sealed=$(coffer seal --name token token.txt) token',
      'without a stack',
    ],
  ]);
}

async function seal(session: Session, file: string | undefined, options: SealOptions): Promise<void> {
  const scope = scopeOf(session, options);
  const certificate = await certificateFor(session, options.cert);
  const typed = `seal --${options.name === undefined ? 'engine-name' : 'name'} ${options.name ?? scope.name}`;
  const value = SecretValue.takeOver(await readValue(session, scope.name, file, typed));
  let text: string;
  try {
    text = sealValue(certificate, scope, value);
  } finally {
    value.wipe();
  }
  if (options.format === 'json') {
    session.printJson({ ...scope, keyId: parseSealed(text).keyId, sealed: text });
  } else {
    session.print(text);
  }
}

function scopeOf(session: Session, { engineName, name, stack = '' }: SealOptions): SealedScope {
  if (engineName !== undefined) {
    return checkedScope({ name: engineName, stack });
  }
  if (name === undefined) {
    throw usageError(
      'which secret the value is for is not said',
      `Say it: ${session.name} seal --name NAME --stack STACK -`,
    );
  }
  const scope = scopeInStack(name, stack);
  if (stack !== '' && name.startsWith(`${stack}_`)) {
    session.warn(
      `it is sealed for the secret that the engine calls ${scope.name}; if it calls it ${name}, use --engine-name`,
    );
  }
  return scope;
}

async function certificateFor(session: Session, file: string | undefined): Promise<SealingCertificate> {
  if (file === undefined) {
    return parseCertificate((await new SealingClient(await session.client()).key()).certificate);
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (thrown) {
    throw usageError(
      `the certificate in ${file} cannot be read (${systemErrorCode(thrown) ?? String(thrown)})`,
      `On a manager: ${session.name} sealing-key --certificate > ${file}`,
    );
  }
  return parseCertificate(bytes.toString('utf8', 0, CERTIFICATE_BYTES_MAX));
}
