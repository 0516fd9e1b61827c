// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { PolicyRuleWish, PolicyTestResult } from '../../control/index.ts';
import type { ClusterClient } from '../cluster-client.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface PolicyLearnOptions {
  readonly apply?: boolean;
  readonly format: string;
}

export function addPolicyLearn(group: Command, session: Session): void {
  const command = group
    .command('learn')
    .description(
      'Show the rules that the services of today need, so that a default of deny takes no secret from any of them.',
    )
    .usage('[OPTIONS]')
    .option('--apply', 'add them, and print their ids')
    .addOption(formatOption('text'))
    .action((options: PolicyLearnOptions) => learn(session, options));
  addExamples(command, session, [
    ['coffer policy learn', 'the commands that add them'],
    ['coffer policy learn --apply && coffer policy default deny', 'close everything but what is in use'],
  ]);
}

async function learn(session: Session, { apply, format }: PolicyLearnOptions): Promise<void> {
  const cluster = await session.cluster();
  const { freshness, results } = await cluster.testPolicy({ default: 'deny' });
  warnIfStale(session, freshness);
  const denied = results.filter(({ effect }) => effect === 'deny');
  const wishes = denied.filter(({ because }) => because === 'default').map(wishOf);
  if (apply === true) {
    await addAll(session, cluster, wishes, format);
  } else if (format === 'json') {
    wishes.forEach((wish) => session.printJson(wish));
  } else {
    wishes.forEach(({ secret, service = '' }) =>
      session.print(`${session.name} policy add allow ${secret} --service ${service}`),
    );
  }
  for (const { rule, secret, service } of denied.filter(({ because }) => because !== 'default')) {
    session.warn(
      `rule ${rule} denies service ${service} the secret ${secret}; no rule that allows changes that`,
    );
  }
}

/** One after the other, so that what was added before an error is known. */
async function addAll(
  session: Session,
  cluster: ClusterClient,
  wishes: readonly PolicyRuleWish[],
  format: string,
): Promise<void> {
  for (const wish of wishes) {
    const { rule } = await cluster.addPolicyRule(wish);
    if (format === 'json') {
      session.printJson(rule);
    } else {
      session.print(rule.id);
    }
  }
}

function wishOf({ secret, service }: PolicyTestResult): PolicyRuleWish {
  return { effect: 'allow', secret, service };
}
