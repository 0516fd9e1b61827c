// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { CERTIFICATE_LABELS, certificateWish, checkName, type Labels } from '../../secrets/index.ts';
import { CertificateClient } from '../certificate-client.ts';
import type { Session } from '../session.ts';
import { addExamples, collectLabel, collectText, formatOption } from './options.ts';
import { showPut } from './put.ts';

interface CertOptions {
  readonly cn: string;
  readonly clobber: boolean;
  readonly format: string;
  readonly label?: Labels;
  readonly san?: readonly string[];
  readonly ttl?: string;
  readonly usage?: string;
}

export function addCert(program: Command, session: Session): void {
  const command = program
    .command('cert')
    .description('Make a certificate of the CA for workloads: a new secret, or a new version of one.')
    .usage('--cn NAME [OPTIONS] NAME')
    .argument('<name>', 'the name of the secret: 1 to 64 of a-z A-Z 0-9 - _ .')
    .addOption(
      new Option('--cn <name>', 'whom it is for: a DNS name, an address, or words').makeOptionMandatory(),
    )
    .addOption(new Option('--san <name>', 'another name or address; repeatable').argParser(collectText))
    .addOption(new Option('--ttl <duration>', 'how long it lives, 1h to 397d (default: 30d)'))
    .addOption(new Option('--usage <usage>', 'server, client or server,client (default: both)'))
    .addOption(
      new Option('--label <key=value>', 'set a label; repeatable; replaces all labels').argParser(
        collectLabel,
      ),
    )
    .option('--no-clobber', 'leave a secret that exists as it is')
    .addOption(formatOption('text'))
    .action((name: string, options: CertOptions) => cert(session, name, options));
  addExamples(command, session, [
    ['coffer cert web-tls --cn web --san web.example.com --san 10.0.0.7', 'for a server and a client'],
    ['coffer cert billing --cn "billing client" --usage client --ttl 24h', 'for a client alone'],
    ['coffer rotate web-tls', 'renew it now, with the services that use it'],
  ]);
}

async function cert(session: Session, name: string, options: CertOptions): Promise<void> {
  checkName(name);
  const labels = labelsOf(options);
  certificateWish(labels);
  const client = new CertificateClient(await session.client());
  const reply = await client.make(name, { expect: options.clobber ? 'always' : 'absent', labels });
  showPut(session, options, reply);
}

/** What is given here stands in labels, so that the certificate is renewed as it was made. */
function labelsOf({ cn, label, san, ttl, usage }: CertOptions): Labels {
  return {
    ...label,
    [CERTIFICATE_LABELS.name]: cn,
    ...(san !== undefined && { [CERTIFICATE_LABELS.alternatives]: san.join(',') }),
    ...(ttl !== undefined && { [CERTIFICATE_LABELS.lifetime]: ttl }),
    ...(usage !== undefined && { [CERTIFICATE_LABELS.usage]: usage }),
  };
}
