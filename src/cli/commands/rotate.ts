// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { DAY_MS } from '../../common/index.ts';
import type { RotationDescription } from '../../control/index.ts';
import { checkName, storedCertificateWish } from '../../secrets/index.ts';
import { EXIT, requestError, usageError } from '../command-error.ts';
import { durationBetween } from '../duration.ts';
import type { ControlClient } from '../control-client.ts';
import { RotationClient, type RotationWish } from '../rotation-client.ts';
import { readValue } from '../read-value.ts';
import { hasEnded, heldText, outcomeText, serviceText } from '../../wording/index.ts';
import { followSecretRotation } from '../secret-rotation.ts';
import type { Session } from '../session.ts';
import { humanAge, printable } from '../text.ts';
import { addExamples, formatOption, versionNumber } from './options.ts';

interface RotateOptions {
  readonly cancel?: boolean;
  readonly cas?: number;
  readonly detach?: boolean;
  readonly format: string;
  readonly generate?: string;
  readonly status?: boolean;
  readonly timeout: number;
}

const TIMEOUT_MIN_MS = 10_000;
const TIMEOUT_MS = 10 * 60_000;

export function addRotate(program: Command, session: Session): void {
  const command = program
    .command('rotate')
    .description('Store a new version, and have the services that use the secret updated to it.')
    .usage('[OPTIONS] NAME [FILE|-]')
    .argument('<name>', 'a name or a whole id')
    .argument(
      '[file]',
      'where the value is, byte for byte; - is standard input; left out, it is asked for, and a certificate made anew',
    )
    .addOption(
      new Option('--generate <spec>', 'let the daemon make the value: hex:32, base64:32, password:24, uuid'),
    )
    .addOption(new Option('--cas <version>', 'only if this is the current version').argParser(versionNumber))
    .addOption(
      new Option('--timeout <duration>', 'how long each service is waited for')
        .argParser(durationBetween(TIMEOUT_MIN_MS, DAY_MS))
        .default(TIMEOUT_MS, '10m'),
    )
    .option('-d, --detach', 'begin, and do not wait for the services')
    .addOption(
      new Option('--status', 'show how the last rotation of the secret is or went').conflicts([
        'cas',
        'detach',
        'generate',
      ]),
    )
    .addOption(
      new Option('--cancel', 'take the rotation back that is under way').conflicts([
        'cas',
        'generate',
        'status',
      ]),
    )
    .addOption(formatOption('text'))
    .action((name: string, file: string | undefined, options: RotateOptions) =>
      rotate(session, name, file, options),
    );
  addExamples(command, session, [
    ['printf %s "$PASSWORD" | coffer rotate db_password -', 'from a pipe'],
    ['coffer rotate api_token --generate hex:32', 'made by the daemon; nobody reads it'],
    ['coffer rotate web_tls', 'a certificate of coffer, which is made anew'],
    ['coffer rotate db_password new.txt --detach', 'do not wait for the services'],
    ['coffer rotate --status db_password', 'how far it is, or what came of it'],
    ['coffer rotate --cancel db_password', 'back to the value before'],
  ]);
}

async function rotate(
  session: Session,
  name: string,
  file: string | undefined,
  options: RotateOptions,
): Promise<void> {
  checkName(name);
  const { cancel: isCancel = false, status: isStatus = false } = options;
  if (isCancel || isStatus) {
    if (file !== undefined) {
      throw usageError(`${isCancel ? '--cancel' : '--status'} takes a name alone`);
    }
    await (isCancel ? cancel : showLast)(session, name, options);
    return;
  }
  const begun = await begin(session, name, file, options);
  const rotation = options.detach === true ? begun : await followSecretRotation(session, begun);
  showOutcome(session, rotation, options);
  showHowToFollow(session, rotation, options);
}

/** That all has gone back is what was asked for. */
async function cancel(session: Session, name: string, options: RotateOptions): Promise<void> {
  const client = new RotationClient(await session.client());
  const begun = (await client.cancel(name)).rotation;
  const rotation = options.detach === true ? begun : await followSecretRotation(session, begun);
  if (rotation.phase === 'failed') {
    showOutcome(session, rotation, options);
  } else if (options.format === 'json') {
    session.printJson(rotation);
  } else {
    session.print(printable(outcomeText(rotation)));
  }
  showHowToFollow(session, rotation, options);
}

function showHowToFollow(session: Session, rotation: RotationDescription, { format }: RotateOptions): void {
  if (!hasEnded(rotation) && format !== 'json') {
    session.print(`See how far it is: ${session.name} rotate --status ${rotation.secret}`);
  }
}

async function begin(
  session: Session,
  name: string,
  file: string | undefined,
  { cas, generate, timeout }: RotateOptions,
): Promise<RotationDescription> {
  const wish: Omit<RotationWish, 'value'> = { expect: cas, timeout_ms: timeout };
  const control = await session.client();
  const client = new RotationClient(control);
  if (generate !== undefined) {
    if (file !== undefined) {
      throw usageError('--generate makes the value itself; it takes no file');
    }
    return (await client.rotate(name, { ...wish, value: { spec: generate } })).rotation;
  }
  if (file === undefined && (await isCertificate(control, name))) {
    return (await client.rotate(name, { ...wish, value: 'as-its-labels-say' })).rotation;
  }
  const value = await readValue(session, name, file);
  try {
    return (await client.rotate(name, { ...wish, value })).rotation;
  } finally {
    value.fill(0);
  }
}

/** Nobody is asked for one: it is made anew. */
async function isCertificate(control: ControlClient, name: string): Promise<boolean> {
  const { secret } = await control.secret(name);
  return storedCertificateWish(secret.labels) !== undefined;
}

async function showLast(session: Session, name: string, options: RotateOptions): Promise<void> {
  const client = await session.client();
  const { secret } = await client.secret(name);
  const { rotations } = await new RotationClient(client).of(secret.name);
  // By a clock that was set back, one that goes on may have begun before one that has ended.
  const last = rotations.find((each) => !hasEnded(each)) ?? rotations[0];
  if (last === undefined) {
    throw requestError(`no rotation of secret ${secret.name} is remembered`);
  }
  if (options.format === 'json') {
    session.printJson(last);
    return;
  }
  session.print(printable(outcomeText(last)));
  last.services.forEach((service) => session.print(`  ${serviceText(service, last)}`));
  const now_ms = session.io.now_ms();
  const held = heldText(last, now_ms);
  if (held !== undefined) {
    session.print(held);
  }
  const end =
    last.endedAt_ms === undefined ? '' : `, ended ${humanAge(last.endedAt_ms, now_ms).toLowerCase()}`;
  session.print(`Begun ${humanAge(last.begunAt_ms, now_ms).toLowerCase()}${end}`);
}

/** Whoever scripts this must see that the new version is not in use. */
function showOutcome(session: Session, rotation: RotationDescription, { format }: RotateOptions): void {
  const isBack = rotation.phase === 'rolled-back' || rotation.phase === 'failed';
  if (isBack) {
    session.endWith(EXIT.failed);
  }
  if (format === 'json') {
    session.printJson(rotation);
  } else if (isBack) {
    session.complain(outcomeText(rotation));
  } else {
    session.print(printable(outcomeText(rotation)));
  }
}
