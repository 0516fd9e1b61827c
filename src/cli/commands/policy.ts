// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command } from 'commander';
import type { PolicyEffect } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { addPolicyAdd } from './policy-add.ts';
import { addPolicyLearn } from './policy-learn.ts';
import { addPolicyLs } from './policy-ls.ts';
import { addPolicyTest } from './policy-test.ts';
import { addExamples, formatOption } from './options.ts';

export function addPolicy(program: Command, session: Session): void {
  const group = program
    .command('policy')
    .description('Rules on which services may have which secrets.')
    .usage('COMMAND');
  addPolicyAdd(group, session);
  addPolicyLs(group, session);
  addPolicyRm(group, session);
  addPolicyDefault(group, session);
  addPolicyTest(group, session);
  addPolicyLearn(group, session);
}

function addPolicyRm(group: Command, session: Session): void {
  const command = group
    .command('rm')
    .alias('remove')
    .description('Remove rules. What they have denied is given again when it is asked for the next time.')
    .usage('[OPTIONS] RULE...')
    .argument('<rule...>', 'ids, as in coffer policy ls, or what only one id begins with')
    .addOption(formatOption('text'))
    .action((rules: string[], options: { readonly format: string }) =>
      removeRules(session, rules, options.format),
    );
  addExamples(command, session, [
    ['coffer policy rm 7m2q', 'the one rule whose id begins so'],
    ['coffer policy rm $(coffer policy ls -q)', 'all of them'],
  ]);
}

function addPolicyDefault(group: Command, session: Session): void {
  const command = group
    .command('default')
    .description('Show what holds where no rule does, or set it: allow, as Docker has it, or deny.')
    .usage('[OPTIONS] [allow|deny]')
    .addArgument(new Argument('[effect]', 'what holds from now on').choices(['allow', 'deny']))
    .addOption(formatOption('text'))
    .action((effect: PolicyEffect | undefined, options: { readonly format: string }) =>
      showDefault(session, effect, options.format),
    );
  addExamples(command, session, [
    ['coffer policy default', 'which one it is'],
    ['coffer policy default deny', 'give secrets to those alone whom a rule allows them'],
  ]);
}

async function removeRules(session: Session, rules: readonly string[], format: string): Promise<void> {
  const cluster = await session.cluster();
  for (const reference of rules) {
    try {
      const { rule } = await cluster.removePolicyRule(reference);
      if (format === 'json') {
        session.printJson(rule);
      } else {
        session.print(rule.id);
      }
    } catch (thrown) {
      session.fail(thrown);
    }
  }
}

async function showDefault(
  session: Session,
  effect: PolicyEffect | undefined,
  format: string,
): Promise<void> {
  const cluster = await session.cluster();
  const reply = effect === undefined ? await cluster.policy() : await cluster.setPolicyDefault(effect);
  if (format === 'json') {
    session.printJson({ default: reply.default });
  } else {
    session.print(reply.default);
  }
}
