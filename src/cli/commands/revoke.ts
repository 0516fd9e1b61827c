// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { ClusterClient } from '../cluster-client.ts';
import { requestError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface RevokeOptions {
  readonly node?: string;
  readonly force?: boolean;
  readonly format: string;
}

export function addRevoke(program: Command, session: Session): void {
  const command = program
    .command('revoke')
    .description('Revoke grants. What running containers have by them alone is taken from them at once.')
    .usage('[OPTIONS] GRANT... | NAME... --node NODE')
    .argument('<grant...>', 'ids, as in coffer grant-ls, or what only one id begins with')
    .option('--node <node>', 'all grants of the secrets that are named, on this node')
    .option('-f, --force', 'with --node: do not ask where it is more than one')
    .addOption(formatOption('text'))
    .action((references: string[], options: RevokeOptions) => revoke(session, references, options));
  addExamples(command, session, [
    ['coffer revoke 4k1tz0p9ab3c', 'one grant'],
    ['coffer revoke db_password --node web-1', 'all of a secret on one node'],
    ['coffer revoke $(coffer grant-ls -q --node web-1)', 'all on one node'],
  ]);
}

/** One after the other, also after an error. */
async function revoke(
  session: Session,
  references: readonly string[],
  { force = false, format, node }: RevokeOptions,
): Promise<void> {
  const cluster = await session.cluster();
  for (const reference of references) {
    try {
      const ids =
        node === undefined ? [reference] : await idsOf(session, cluster, { secret: reference, node, force });
      for (const id of ids) {
        const { grant } = await cluster.revokeGrant(id);
        if (format === 'json') {
          session.printJson(grant);
        } else {
          session.print(grant.id);
        }
      }
    } catch (thrown) {
      session.fail(thrown);
    }
  }
}

/** Those of a secret on a node, once they are confirmed. */
async function idsOf(
  session: Session,
  cluster: ClusterClient,
  { force, node, secret }: { readonly secret: string; readonly node: string; readonly force: boolean },
): Promise<readonly string[]> {
  const { grants } = await cluster.grants({ secret, node });
  const ids = grants.map(({ id }) => id);
  if (ids.length === 0) {
    throw requestError(
      `node ${node} has no grant of secret ${secret}`,
      `See which it has: ${session.name} grant-ls --node ${node}`,
    );
  }
  if (ids.length > 1 && !force) {
    await confirm(session, `${ids.length} grants of ${secret} on ${node} are revoked: ${ids.join(', ')}.`);
  }
  return ids;
}
