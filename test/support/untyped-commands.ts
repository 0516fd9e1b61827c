// SPDX-License-Identifier: Apache-2.0
// Which test types the commands of a page, which of them another test types, and which no test types as they stand, and why.
// test/unit/docs/commands.test.ts holds all of it against the pages.
import type { PageCommand } from './manual.ts';

/** The tests that read a page, and type what stands there. */
export const TYPED_PAGES: Readonly<Record<string, string>> = {
  'README.md': 'test/live/pages.test.ts',
  'docs/audit.md': 'test/cluster/pages.test.ts',
  'docs/certificates.md': 'test/live/pages.test.ts',
  'docs/import.md': 'test/live/pages.test.ts',
  'docs/json.md': 'test/cluster/pages.test.ts',
  'docs/monitoring.md': 'test/cluster/pages.test.ts',
  'docs/notices.md': 'test/cluster/pages.test.ts',
  'docs/operations.md': 'test/cluster/operations.test.ts',
  'docs/policy.md': 'test/unit/cli/policy.test.ts',
  'docs/reference/api.md': 'test/cluster/pages.test.ts',
  'docs/rotation.md': 'test/live/pages.test.ts',
  'docs/run.md': 'test/cluster/pages.test.ts',
  'docs/sealed.md': 'test/live/pages.test.ts',
  'docs/tutorial.md': 'test/live/pages.test.ts',
  'docs/versions.md': 'test/live/pages.test.ts',
  'docs/volumes.md': 'test/live/volumes-manual.test.ts',
  'docs/web-page.md': 'test/cluster/pages.test.ts',
};

/** Commands of a page. */
export interface SomeCommands {
  readonly page: string;
  /** How the machine is called on which they are typed. Default: any. */
  readonly machine?: string;
  /** How they begin, each of them. */
  readonly commands: readonly string[];
}

/** Those that another test types than the rest of their page. */
export interface CommandsElsewhere extends SomeCommands {
  readonly test: string;
}

export const TYPED_ELSEWHERE: readonly CommandsElsewhere[] = [
  {
    page: 'README.md',
    commands: ['docker plugin create', 'docker plugin push'],
    test: 'test/live/cluster-install.test.ts',
  },
  {
    page: 'README.md',
    machine: 'engine-',
    commands: ['docker'],
    test: 'test/live/cluster-install.test.ts',
  },
  { page: 'README.md', commands: ['docker plugin install'], test: 'test/live/managed-plugin.test.ts' },
  {
    page: 'docs/audit.md',
    commands: ['docker coffer status', 'docker coffer why redis'],
    test: 'test/live/audit.test.ts',
  },
  { page: 'docs/json.md', commands: ['docker coffer node ls'], test: 'test/cluster/json-output.test.ts' },
  { page: 'docs/monitoring.md', commands: ['docker plugin'], test: 'test/live/managed-plugin.test.ts' },
  {
    page: 'docs/notices.md',
    commands: ['sudo install', 'docker plugin'],
    test: 'test/live/managed-plugin.test.ts',
  },
  {
    page: 'docs/operations.md',
    commands: ['docker coffer why', 'docker service update', 'echo "Another secret"', 'docker coffer ps'],
    test: 'test/live/pages.test.ts',
  },
  { page: 'docs/tutorial.md', commands: ['docker plugin install'], test: 'test/live/managed-plugin.test.ts' },
];

export interface UntypedCommands extends SomeCommands {
  readonly why: string;
}

export const UNTYPED_COMMANDS: readonly UntypedCommands[] = [
  {
    page: 'README.md',
    commands: ['make demo', 'make test'],
    why: 'they are what runs the tests, and the demonstration',
  },
  {
    page: 'docs/raft.md',
    commands: ['make sim'],
    why: 'a minute of simulated clusters; the suite sim runs others',
  },
  {
    page: 'docs/chaos.md',
    commands: ['make chaos'],
    why: 'ten minutes with three engines; it is a target of its own',
  },
  {
    page: 'docs/flame-graphs.md',
    commands: ['make flame-graphs'],
    why: 'minutes of benchmarks; it is a target of its own',
  },
  {
    page: 'docs/fuzzing.md',
    commands: ['make fuzz'],
    why: 'it is a target of its own; the unit tests try each parser with fewer inputs',
  },
  {
    page: 'docs/supply-chain.md',
    commands: ['make plugin', 'make audit'],
    why: 'the first is part of make test, and the second asks a registry on the network',
  },
  {
    page: 'docs/web-page.md',
    commands: ['ssh '],
    why: 'a server of SSH on another machine; the page that it leads to is served by the line before',
  },
];

/** Whether a command is one of those. */
export function isAmong(
  { commands, machine = '', page }: SomeCommands,
  onPage: string,
  command: PageCommand,
): boolean {
  const isThere = page === onPage && command.machine.startsWith(machine);
  return isThere && commands.some((beginning) => command.command.startsWith(beginning));
}

/** The test that types a command; none if it is excepted, or if nobody types its page. */
export function testOf(page: string, command: PageCommand): string | undefined {
  const elsewhere = TYPED_ELSEWHERE.find((one) => isAmong(one, page, command));
  return isUntyped(page, command) ? undefined : (elsewhere?.test ?? TYPED_PAGES[page]);
}

/** Whether a command is excepted. */
export function isUntyped(page: string, command: PageCommand): boolean {
  return UNTYPED_COMMANDS.some((one) => isAmong(one, page, command));
}
