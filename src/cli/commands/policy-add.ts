// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { PolicyEffect } from '../../control/index.ts';
import type { Labels } from '../../secrets/index.ts';
import type { Session } from '../session.ts';
import { addExamples, collectLabel, formatOption } from './options.ts';

interface PolicyAddOptions {
  readonly service?: string;
  readonly stack?: string;
  readonly serviceLabel?: Labels;
  readonly image?: string;
  readonly node?: string;
  readonly nodeLabel?: Labels;
  readonly format: string;
}

export function addPolicyAdd(group: Command, session: Session): void {
  const command = group
    .command('add')
    .description('Add a rule. All that it names must hold; a rule that denies always wins. Prints its id.')
    .usage('[OPTIONS] allow|deny SECRET')
    .addArgument(new Argument('<effect>', 'what the rule does').choices(['allow', 'deny']))
    .argument('<secret>', "a secret's name, in which * is any characters and ? is one")
    .addOption(
      named('--service <glob>', 'only services of such a name: * is any characters, ? is one, case counts'),
    )
    .addOption(named('--stack <name>', 'only services of this stack, or containers of this Compose project'))
    .addOption(
      new Option('--service-label <label>', 'only services with this label: KEY=VALUE; repeatable').argParser(
        collectExactLabel,
      ),
    )
    .addOption(named('--image <image>', 'only this image: name, tag or digest'))
    .addOption(named('--node <node>', 'only on this node: its hostname or its id'))
    .addOption(
      new Option('--node-label <label>', 'only on nodes with this label: KEY=VALUE; repeatable').argParser(
        collectExactLabel,
      ),
    )
    .addOption(formatOption('text'))
    .action((effect: PolicyEffect, secret: string, options: PolicyAddOptions) =>
      addRule(session, effect, secret, options),
    );
  addExamples(command, session, [
    ['coffer policy add allow db_password --service shop_web', 'one service'],
    ['coffer policy add allow "shop-*" --stack shop', 'all secrets of a name for all services of a stack'],
    ['coffer policy add deny "*" --node-label zone=dmz', 'nothing for tasks on some nodes'],
  ]);
}

async function addRule(
  session: Session,
  effect: PolicyEffect,
  secret: string,
  { format, image, node, nodeLabel, service, serviceLabel, stack }: PolicyAddOptions,
): Promise<void> {
  const cluster = await session.cluster();
  const { changed, rule } = await cluster.addPolicyRule({
    effect,
    secret,
    service,
    stack,
    serviceLabels: serviceLabel,
    image,
    node,
    nodeLabels: nodeLabel,
  });
  if (format === 'json') {
    session.printJson(rule);
  } else {
    session.print(rule.id);
  }
  if (!changed) {
    session.warn('there is this rule already; nothing has changed');
  }
}

/** A shell variable that is not set must not make a rule another one. */
function named(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    if (text === '') {
      throw new InvalidArgumentError('It is empty; leave the option out where any will do.');
    }
    return text;
  });
}

/** A rule's labels are exact, so that a value left out by mistake is not one that is empty. */
function collectExactLabel(text: string, before: Labels | undefined): Labels {
  if (!text.includes('=')) {
    throw new InvalidArgumentError('It is KEY=VALUE; KEY= is for a value that is empty.');
  }
  return collectLabel(text, before);
}
