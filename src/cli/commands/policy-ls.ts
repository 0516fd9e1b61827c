// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { PolicyRuleDescription } from '../../control/index.ts';
import { conditionsOf } from '../../membership/index.ts';
import type { Session } from '../session.ts';
import { humanAge, renderTable } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface PolicyLsOptions {
  readonly quiet?: boolean;
  readonly format: string;
}

export function addPolicyLs(group: Command, session: Session): void {
  const command = group
    .command('ls')
    .alias('list')
    .description('List the rules, and what holds where none does.')
    .usage('[OPTIONS]')
    .option('-q, --quiet', 'ids alone')
    .addOption(formatOption('table'))
    .action((options: PolicyLsOptions) => listRules(session, options));
  addExamples(command, session, [
    ['coffer policy ls', 'all rules'],
    ['coffer policy ls --format json', 'one JSON object on each line'],
  ]);
}

async function listRules(session: Session, { format, quiet }: PolicyLsOptions): Promise<void> {
  const cluster = await session.cluster();
  const policy = await cluster.policy();
  warnIfStale(session, policy.freshness);
  if (quiet === true) {
    policy.rules.forEach(({ id }) => session.print(id));
  } else if (format === 'json') {
    policy.rules.forEach((rule) => session.printJson(rule));
  } else {
    session.print(table(policy.rules, session.io.now_ms()));
    session.print(`\nWhere no rule does: ${policy.default}`);
  }
}

function table(rules: readonly PolicyRuleDescription[], now_ms: number): string {
  return renderTable(
    ['ID', 'EFFECT', 'SECRET', 'FOR', 'ADDED'],
    rules.map((rule) => [
      rule.id,
      rule.effect,
      rule.secret,
      conditionsOf(rule),
      humanAge(rule.addedAt_ms, now_ms),
    ]),
  );
}
