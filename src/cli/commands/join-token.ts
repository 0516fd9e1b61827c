// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { DAY_MS, MINUTE_MS } from '../../common/index.ts';
import type { NodeRole, TokenReply } from '../../control/index.ts';
import { durationBetween } from '../duration.ts';
import type { Session } from '../session.ts';
import { humanAge, humanDuration, humanValidity, printable, renderTable } from '../text.ts';
import { addDefaultCommand, addExamples, formatOption } from './options.ts';

interface TokenOptions {
  readonly ttl?: number;
  readonly uses?: number;
  readonly rotate?: boolean;
  readonly quiet?: boolean;
  readonly format: string;
}

interface TokenLsOptions {
  readonly quiet?: boolean;
  readonly format: string;
}

const TOKEN_ROLES = ['worker', 'manager'] as const satisfies readonly NodeRole[];

export function addJoinToken(program: Command, session: Session): void {
  const command = program
    .command('join-token')
    .description('Make a join token, and print what to type on the node that joins. It is shown once.')
    .usage('[OPTIONS] ROLE | COMMAND');
  addDefaultCommand(command, 'create')
    .addArgument(new Argument('<role>', 'what the node will be').choices(TOKEN_ROLES))
    .addOption(
      new Option('--ttl <duration>', 'how long it is good: 1m to 30d (default: 1h)').argParser(
        durationBetween(MINUTE_MS, 30 * DAY_MS),
      ),
    )
    .addOption(
      new Option('--uses <count>', 'how many nodes may join with it: 1 to 1000 (default: 10)').argParser(
        count,
      ),
    )
    .option('--rotate', 'revoke all other tokens of the role')
    .option('-q, --quiet', 'the token alone')
    .addOption(formatOption('text'))
    .action((role: NodeRole, options: TokenOptions) => makeToken(session, role, options));
  addExamples(command, session, [
    ['coffer join-token worker', 'for up to ten nodes within the hour'],
    ['coffer join-token manager --ttl 10m --uses 1', 'for one node, soon'],
    ['coffer join-token worker --rotate', 'after a token was seen by others'],
    ['coffer join-token ls', 'the tokens that are good still; coffer join-token revoke ID ends one'],
  ]);
  addTokenLs(command, session);
  addTokenRevoke(command, session);
}

function addTokenLs(group: Command, session: Session): void {
  const command = group
    .command('ls')
    .alias('list')
    .description('List the join tokens that are good still, without their secrets.')
    .usage('[OPTIONS]')
    .option('-q, --quiet', 'ids alone')
    .addOption(formatOption('table'))
    .action((options: TokenLsOptions) => listTokens(session, options));
  addExamples(command, session, [
    ['coffer join-token ls', 'all of them'],
    ['coffer join-token ls --format json', 'one JSON object on each line'],
  ]);
}

function addTokenRevoke(group: Command, session: Session): void {
  const command = group
    .command('revoke')
    .description('Revoke join tokens: no node can join with them any more. Nodes that joined stay.')
    .usage('[OPTIONS] ID...')
    .argument('<id...>', 'ids, as in coffer join-token ls')
    .addOption(formatOption('text'))
    .action((ids: string[], options: { readonly format: string }) =>
      revokeTokens(session, ids, options.format),
    );
  addExamples(command, session, [
    ['coffer join-token revoke $(coffer join-token ls -q)', 'all of them, so that nobody can join'],
  ]);
}

async function makeToken(session: Session, role: NodeRole, options: TokenOptions): Promise<void> {
  const cluster = await session.cluster();
  const reply = await cluster.createToken({
    role,
    ttl_ms: options.ttl,
    uses: options.uses,
    rotate: options.rotate,
  });
  if (options.quiet === true) {
    session.print(reply.token);
  } else if (options.format === 'json') {
    session.printJson(reply);
  } else {
    session.print(instructions(reply, options.rotate === true, session.io.now_ms()));
  }
}

function instructions(reply: TokenReply, rotated: boolean, now_ms: number): string {
  const { role, expiresAt_ms, usesLeft } = reply.description;
  const [address = 'ADDRESS:7373', ...others] = reply.addresses.map(printable);
  const settings = `COFFER_JOIN=${address} COFFER_JOIN_TOKEN=${printable(reply.token)}`;
  const validity = humanDuration(Math.max(0, expiresAt_ms - now_ms)).toLowerCase();
  return [
    ...(rotated ? [`All other join tokens for a ${role} are revoked.`, ''] : []),
    `To add a ${role} to this cluster, run the following command on the new node, as a plugin of its engine:`,
    '',
    `    docker plugin install --alias coffer REGISTRY/coffer ${settings}`,
    '',
    'or as a process of its own:',
    '',
    `    ${settings} node dist/coffer-daemon.cjs`,
    '',
    ...(others.length === 0 ? [] : [`Instead of ${address} it may be: ${others.join(', ')}`]),
    `The token is good for ${validity} and ${usesLeft} ${usesLeft === 1 ? 'node' : 'nodes'}. It is not shown again.`,
  ].join('\n');
}

async function listTokens(session: Session, { quiet, format }: TokenLsOptions): Promise<void> {
  const cluster = await session.cluster();
  const tokens = (await cluster.tokens()).toSorted((a, b) => b.createdAt_ms - a.createdAt_ms);
  const now_ms = session.io.now_ms();
  if (quiet === true) {
    for (const { id } of tokens) {
      session.print(id);
    }
  } else if (format === 'json') {
    for (const token of tokens) {
      session.printJson(token);
    }
  } else {
    const rows = tokens.map(({ id, role, createdAt_ms, expiresAt_ms, usesLeft }) => [
      id,
      role,
      humanAge(createdAt_ms, now_ms),
      humanValidity(expiresAt_ms, now_ms),
      String(usesLeft),
    ]);
    session.print(renderTable(['ID', 'ROLE', 'CREATED', 'VALIDITY', 'USES LEFT'], rows));
  }
}

async function revokeTokens(session: Session, ids: readonly string[], format: string): Promise<void> {
  const cluster = await session.cluster();
  for (const id of ids) {
    try {
      await cluster.revokeToken(id);
      if (format === 'json') {
        session.printJson({ id });
      } else {
        session.print(id);
      }
    } catch (thrown) {
      session.fail(thrown);
    }
  }
}

function count(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('It is a number from 1 to 1000.');
  }
  return Number(text);
}
