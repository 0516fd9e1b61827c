// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { SecretDescription } from '../../control/index.ts';
import { EXIT } from '../command-error.ts';
import { expiryText, nextRotationText } from '../../wording/index.ts';
import type { Session } from '../session.ts';
import { dockerForm, humanSize, humanValidity, printable } from '../text.ts';
import { addExamples, warnIfStale } from './options.ts';

interface InspectOptions {
  readonly pretty?: boolean;
  readonly format?: string;
}

export function addInspect(program: Command, session: Session): void {
  const command = program
    .command('inspect')
    .description('Show all that is known of secrets but their values, as a JSON array.')
    .usage('[OPTIONS] NAME...')
    .argument('<name...>', 'names, ids, or what only one id begins with')
    .addOption(new Option('--pretty', 'for people').conflicts('format'))
    .addOption(new Option('--format <format>', 'json: the array on one line').choices(['json']))
    .action((names: string[], options: InspectOptions) => inspect(session, names, options));
  addExamples(command, session, [
    ['coffer inspect db_password', 'as JSON'],
    ['coffer inspect --pretty db_password api_token', 'for people'],
  ]);
}

async function inspect(session: Session, names: readonly string[], options: InspectOptions): Promise<void> {
  const client = await session.client();
  const found: SecretDescription[] = [];
  for (const name of names) {
    try {
      const { secret, freshness } = await client.secret(name);
      warnIfStale(session, freshness);
      found.push(secret);
    } catch (thrown) {
      session.fail(thrown);
      session.endWith(EXIT.failed);
    }
  }
  if (options.pretty === true) {
    if (found.length > 0) {
      const now_ms = session.io.now_ms();
      session.print(found.map((secret) => pretty(secret, now_ms)).join('\n\n'));
    }
    return;
  }
  session.print(JSON.stringify(dockerForm(found), undefined, options.format === 'json' ? undefined : 4));
}

function pretty(secret: SecretDescription, now_ms: number): string {
  const { certificate, engine, expiresAt_ms, nextRotationAt_ms: nextAt_ms } = secret;
  const lines = [
    ['ID:', secret.id],
    ['Name:', secret.name],
    ['Origin:', secret.pending ? `${secret.origin}, not yet registered in the engine` : secret.origin],
    ...(engine === undefined ? [] : [['Engine secret:', `${engine.secretId} in swarm ${engine.swarmId}`]]),
    ['Created at:', timeOf(secret.createdAt_ms)],
    ['Updated at:', timeOf(secret.updatedAt_ms)],
    ...(nextAt_ms === undefined ? [] : [['Next rotation:', nextRotationText(nextAt_ms, now_ms)]]),
    ...(certificate === undefined
      ? []
      : [
          ['Certificate:', `for ${certificate.names ?? certificate.subject}`],
          [
            'Valid until:',
            `${timeOf(certificate.notAfter_ms)}, ${humanValidity(certificate.notAfter_ms, now_ms)}`,
          ],
        ]),
    ...(expiresAt_ms === undefined
      ? []
      : [['Expires:', `${timeOf(expiresAt_ms)}, ${expiryText(expiresAt_ms, now_ms)}`]]),
    ['Labels:', Object.keys(secret.labels).length === 0 ? 'none' : ''],
    ...Object.entries(secret.labels).map(([key, value]) => [`  - ${key}=${value}`, '']),
    ['Versions:', ''],
    ...secret.destroyed.map(({ number, destroyedAt_ms }) => [
      `  - ${number}:`,
      `destroyed ${timeOf(destroyedAt_ms)}`,
    ]),
    ...secret.versions.map(({ copyOf, number, size, createdAt_ms }) => [
      `  - ${number}:`,
      [
        humanSize(size),
        timeOf(createdAt_ms),
        ...(copyOf === undefined ? [] : [`with the value of ${copyOf}`]),
        ...(number === secret.version ? ['current'] : []),
      ].join(', '),
    ]),
  ];
  return lines
    .map(([key = '', value = '']) => printable(value === '' ? key : `${key.padEnd(16)}${value}`))
    .join('\n');
}

function timeOf(at_ms: number): string {
  return new Date(at_ms).toISOString();
}
