// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { WorkloadAuthorityDescription } from '../../control/index.ts';
import { CertificateClient } from '../certificate-client.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { humanValidity, renderFields } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface CertCaOptions {
  readonly certificate?: boolean;
  readonly finish?: boolean;
  readonly format: string;
  readonly rotate?: boolean;
  readonly yes?: boolean;
}

const FIELD_WIDTH = 18;

export function addCertCa(program: Command, session: Session): void {
  const command = program
    .command('cert-ca')
    .description('Show or rotate the CA for workloads, which issues the certificates that are secrets.')
    .usage('[OPTIONS]')
    .addOption(
      new Option('--rotate', 'make a new root; the one before stays trusted while it is needed').conflicts([
        'certificate',
        'finish',
      ]),
    )
    .addOption(new Option('--finish', 'trust the root before no longer').conflicts('certificate'))
    .option('--certificate', 'print the roots that are trusted now, as PEM')
    .option('-y, --yes', 'do not ask before anything is changed')
    .addOption(formatOption('text'))
    .action((options: CertCaOptions) => certCa(session, options));
  addExamples(command, session, [
    ['coffer cert-ca', 'its digest, how long it is valid, and the root before it'],
    ['coffer cert-ca --certificate > workloads.pem', 'for clients that get no secrets'],
    ['coffer cert-ca --rotate', 'a new root, under those who know the old one'],
  ]);
}

async function certCa(session: Session, options: CertCaOptions): Promise<void> {
  const client = new CertificateClient(await session.client());
  const authority = await carriedOut(session, client, options);
  if (options.format === 'json') {
    session.printJson(authority);
  } else if (options.certificate === true) {
    session.print(authority.certificates.trimEnd());
  } else {
    show(session, authority);
  }
}

async function carriedOut(
  session: Session,
  client: CertificateClient,
  { finish, rotate, yes }: CertCaOptions,
): Promise<WorkloadAuthorityDescription> {
  if (rotate !== true && finish !== true) {
    return client.authority();
  }
  if (yes !== true) {
    await confirm(
      session,
      rotate === true
        ? 'Certificates will come from a new root, which clients that get no secrets have to be given.'
        : 'Who has a certificate of the root before is believed no longer by those who get a new one.',
    );
  }
  return client.changeAuthority(rotate === true ? 'rotate' : 'finish');
}

function show(session: Session, { digest, notAfter_ms, previous }: WorkloadAuthorityDescription): void {
  const now_ms = session.io.now_ms();
  const until = (at_ms: number): string =>
    `${new Date(at_ms).toISOString()}, ${humanValidity(at_ms, now_ms)}`;
  const before: readonly (readonly [string, string])[] =
    previous === undefined
      ? []
      : [
          ['Root before:', `sha256:${previous.digest}`],
          ['Trusted until:', until(previous.trustedUntilAt_ms)],
        ];
  session.print(
    renderFields(
      [['Digest:', `sha256:${digest}`], ['Valid until:', until(notAfter_ms)], ...before],
      FIELD_WIDTH,
    ),
  );
}
