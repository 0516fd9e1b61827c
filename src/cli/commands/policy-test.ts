// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { PolicyEffect, PolicyTestResult } from '../../control/index.ts';
import { EXIT } from '../command-error.ts';
import type { Session } from '../session.ts';
import { renderTable } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface PolicyTestOptions {
  readonly service?: string;
  readonly secret?: string;
  readonly default?: PolicyEffect;
  readonly format: string;
}

export function addPolicyTest(group: Command, session: Session): void {
  const command = group
    .command('test')
    .description(
      'Show what the policy says to the services of the swarm about each secret that they have. Changes nothing. Ends with 1 if any is denied.',
    )
    .usage('[OPTIONS]')
    .option('--service <name>', 'only this service')
    .option('--secret <name>', 'only this secret, by its name in the store')
    .addOption(
      new Option('--default <effect>', 'as if that held where no rule does').choices(['allow', 'deny']),
    )
    .addOption(formatOption('table'))
    .action((options: PolicyTestOptions) => testPolicy(session, options));
  addExamples(command, session, [
    ['coffer policy test', 'all services'],
    ['coffer policy test --default deny', 'whom a default of deny would leave without a secret'],
    ['coffer policy test --service shop_web --format json', 'one JSON object on each line'],
  ]);
}

async function testPolicy(session: Session, options: PolicyTestOptions): Promise<void> {
  const cluster = await session.cluster();
  const { service, secret } = options;
  const { freshness, results } = await cluster.testPolicy({ service, secret, default: options.default });
  warnIfStale(session, freshness);
  if (options.format === 'json') {
    results.forEach((result) => session.printJson(result));
  } else {
    session.print(table(results));
  }
  if (results.some(({ effect }) => effect === 'deny')) {
    session.endWith(EXIT.usage);
  }
}

function table(results: readonly PolicyTestResult[]): string {
  return renderTable(
    ['SERVICE', 'SECRET', 'EFFECT', 'BY'],
    results.map((result) => [result.service, result.secret, result.effect, reasonOf(result)]),
  );
}

function reasonOf({ because, deniedOn, rule }: PolicyTestResult): string {
  const words = {
    default: 'default',
    rule: `rule ${rule}`,
    unknown: `rule ${rule}, as long as it cannot be told that it means others`,
  } as const;
  return deniedOn.length === 0 ? words[because] : `${words[because]}, on ${deniedOn.join(', ')}`;
}
