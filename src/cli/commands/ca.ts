// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { AuthorityDescription } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import { followRotation, progressText } from '../rotation-progress.ts';
import type { Session } from '../session.ts';
import { humanAge, humanValidity, renderFields } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface CaOptions {
  readonly rotate?: boolean;
  readonly detach?: boolean;
  readonly certificate?: boolean;
  readonly yes?: boolean;
  readonly format: string;
}

const FIELD_WIDTH = 18;

export function addCa(program: Command, session: Session): void {
  const command = program
    .command('ca')
    .description("Show or rotate the cluster's CA, which issues the nodes' certificates.")
    .usage('[OPTIONS]')
    .addOption(new Option('--rotate', 'make a new CA and let all nodes renew').conflicts('certificate'))
    .option('-d, --detach', 'with --rotate: begin, and do not wait for the nodes')
    .option('--certificate', 'print the certificates that are trusted now, as PEM')
    .option('-y, --yes', 'do not ask before the CA is rotated')
    .addOption(formatOption('text'))
    .action((options: CaOptions) => ca(session, options));
  addExamples(command, session, [
    ['coffer ca', 'its digest, how long it is valid, and how far a rotation is'],
    ['coffer ca --rotate', 'a new CA; shows how many nodes have renewed'],
    ['coffer ca --certificate > ca.pem', 'to check its digest elsewhere'],
  ]);
}

async function ca(session: Session, options: CaOptions): Promise<void> {
  if (options.detach === true && options.rotate !== true) {
    throw usageError('--detach goes with --rotate');
  }
  if (options.rotate === true) {
    await rotate(session, options);
    return;
  }
  const authority = await (await session.cluster()).authority();
  // JSON has them anyway.
  if (options.certificate === true && options.format !== 'json') {
    session.print(authority.certificates.trimEnd());
    return;
  }
  show(session, options, authority);
}

async function rotate(session: Session, options: CaOptions): Promise<void> {
  if (options.yes !== true) {
    await confirm(
      session,
      'Every node will be given a new certificate, and join tokens made before are void.',
    );
  }
  const cluster = await session.cluster();
  const begun = await cluster.rotateAuthority();
  if (options.detach === true) {
    show(session, options, begun);
    return;
  }
  const { authority, unreachable } = await followRotation(session, cluster, begun);
  show(session, options, authority);
  if (unreachable.length > 0) {
    session.warn(`out of reach, and so without a certificate of the new CA: ${unreachable.join(', ')}`);
  }
}

function show(session: Session, { format }: CaOptions, authority: AuthorityDescription): void {
  if (format === 'json') {
    session.printJson(authority);
    return;
  }
  const { digest, notAfter_ms, rotation } = authority;
  const now_ms = session.io.now_ms();
  const validity = `${new Date(notAfter_ms).toISOString()}, ${humanValidity(notAfter_ms, now_ms)}`;
  const running: readonly (readonly [string, string])[] =
    rotation === undefined
      ? []
      : [
          [
            'Rotation:',
            `${progressText(rotation)}, begun ${humanAge(rotation.startedAt_ms, now_ms).toLowerCase()}`,
          ],
          ['Unreachable:', rotation.unreachable.length === 0 ? 'none' : rotation.unreachable.join(', ')],
        ];
  session.print(
    renderFields([['Digest:', `sha256:${digest}`], ['Valid until:', validity], ...running], FIELD_WIDTH),
  );
}
