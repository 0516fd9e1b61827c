// SPDX-License-Identifier: Apache-2.0
// The little language in which scripts lead a `RaftEnvironment`. A command is a verb, words, and options `key=value`;
// a list is `1,2,3`. In front of any command, `quietly` leaves out what it says, unless something was refused.
//
//     add-nodes COUNT [voters=LIST] [learners=LIST] [index=N] [content=TEXT] [SETTING=VALUE...]
//         nodes with the next ids; with an index, from a snapshot at it (term 1). Settings: async, prevote,
//         checkquorum, step-down, no-validation, no-forwarding (true or false); lease (lease-based reads); inflight,
//         max-size, max-committed, max-uncommitted (numbers)
//     restart ID [recovering=TERM]    the process dies and starts again from its disk
//     lose ID FROM                    its disk loses the entries from FROM on, and what they did to the state
//     campaign ID   propose ID TEXT   read-index ID TEXT   forget-leader ID
//     propose-conf-change ID CHANGE... [v1=true] [transition=auto|implicit|explicit]
//         changes: v2 (a voter), l2 (a learner), r2 (removed), u2 (updated); none leaves a joint configuration
//     transfer-leadership FROM TO     report-unreachable ID PEER     report-snapshot ID PEER finish|failure
//     tick ID COUNT   tick-heartbeat ID   tick-election ID   set-randomized-election-timeout ID TICKS
//     process-ready ID...   process-append ID...   process-apply ID...
//     deliver ID... [drop=LIST] [type=MsgApp]    drop loses what goes to those nodes
//     stabilize [ID...]               does all there is to do, among these nodes or among all
//     send-snapshot FROM TO   compact ID INDEX
//     raft-log ID   raft-state   pointers ID   status ID   applied ID
import {
  type ConfChangeTransition,
  describeEntries,
  describeMessage,
  describeProgressMap,
  jointIds,
  type MessageType,
  type NodeId,
  quoted,
  type Snapshot,
} from '../../src/raft/index.ts';
import { describeLog } from '../../src/raft/raft-log.ts';
import { parseChanges } from './raft-change-words.ts';
import type { RaftEnvironment } from './raft-environment.ts';
import type { RaftSettings } from './raft-member.ts';
import { NOBODY } from './raft-memory-storage.ts';

/** The words of a command, without its verb. */
class Args {
  readonly words: readonly string[];
  readonly #options: ReadonlyMap<string, string>;

  constructor(words: readonly string[]) {
    this.words = words.filter((word) => !word.includes('='));
    const pairs = words.filter((word) => word.includes('='));
    this.#options = new Map(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
  }

  word(place: number): string {
    const word = this.words[place];
    if (word === undefined) {
      throw new TypeError(`the command needs ${place + 1} words`);
    }
    return word;
  }

  number(place: number): number {
    return toNumber(this.word(place));
  }

  numbers(): readonly number[] {
    return this.words.map(toNumber);
  }

  has(name: string): boolean {
    return this.#options.has(name);
  }

  option(name: string): string | undefined {
    return this.#options.get(name);
  }

  flag(name: string): boolean {
    return this.option(name) === 'true';
  }

  optionNumber(name: string, otherwise: number): number {
    const value = this.option(name);
    return value === undefined ? otherwise : toNumber(value);
  }

  list(name: string): readonly number[] {
    const value = this.option(name);
    return value === undefined ? [] : value.split(',').map(toNumber);
  }
}

/** Carries out one command, and returns what it says; `ok` if there is nothing to say. */
export function runCommand(environment: RaftEnvironment, line: string): string {
  const words = line.split(/\s+/).filter((word) => word !== '');
  const quiet = words[0] === 'quietly';
  const [verb = '', ...rest] = quiet ? words.slice(1) : words;
  const command = COMMANDS.get(verb);
  if (command === undefined) {
    throw new TypeError(`there is no command "${verb}"`);
  }
  command(environment, new Args(rest));
  const output = environment.takeOutput();
  const shown = quiet ? output.split('\n').filter((text) => /^\s*refused:/.test(text)) : [output];
  return shown.join('\n') || 'ok';
}

type Command = (environment: RaftEnvironment, args: Args) => void;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['add-nodes', (env, args) => env.addNodes(args.number(0), settingsOf(args), snapshotOf(args))],
  [
    'restart',
    (env, args) => {
      const recoveringTerm = args.optionNumber('recovering', 0);
      env.member(args.number(0)).restart({ recoveringTerm });
    },
  ],
  ['lose', (env, args) => env.member(args.number(0)).loseFrom(args.number(1))],
  ['campaign', (env, args) => env.printRefusal(env.member(args.number(0)).node.campaign())],
  [
    'propose',
    (env, args) => {
      const data = Buffer.from(args.words.slice(1).join(' '));
      env.printRefusal(env.member(args.number(0)).node.propose(data));
    },
  ],
  ['propose-conf-change', proposeConfChange],
  ['read-index', (env, args) => env.member(args.number(0)).node.readIndex(Buffer.from(args.word(1)))],
  ['forget-leader', (env, args) => env.printRefusal(env.member(args.number(0)).node.forgetLeader())],
  ['transfer-leadership', (env, args) => env.member(args.number(0)).node.transferLeader(args.number(1))],
  ['report-unreachable', (env, args) => env.member(args.number(0)).node.reportUnreachable(args.number(1))],
  [
    'report-snapshot',
    (env, args) => {
      const status = args.word(2) === 'failure' ? 'failure' : 'finish';
      env.member(args.number(0)).node.reportSnapshot(args.number(1), status);
    },
  ],
  ['tick', (env, args) => tick(env, args.number(0), args.number(1))],
  ['tick-heartbeat', (env, args) => tick(env, args.number(0), 1)],
  [
    'tick-election',
    (env, args) => tick(env, args.number(0), env.member(args.number(0)).raft.config.electionTick),
  ],
  [
    'set-randomized-election-timeout',
    (env, args) => {
      env.member(args.number(0)).raft.randomizedElectionTimeout = args.number(1);
    },
  ],
  ['process-ready', (env, args) => forEach(env, args, 'handles Ready', (id) => env.processReady(id))],
  ['process-append', (env, args) => forEach(env, args, 'appends', (id) => env.processAppend(id))],
  ['process-apply', (env, args) => forEach(env, args, 'applies', (id) => env.processApply(id))],
  ['deliver', deliver],
  [
    'stabilize',
    (env, args) => env.stabilize(args.words.length > 0 ? args.numbers() : env.members.map(({ id }) => id)),
  ],
  ['send-snapshot', sendSnapshot],
  [
    'compact',
    (env, args) => {
      env.member(args.number(0)).storage.compact(args.number(1));
      printLog(env, args.number(0));
    },
  ],
  ['raft-log', (env, args) => printLog(env, args.number(0))],
  ['raft-state', printState],
  ['pointers', (env, args) => env.print(describeLog(env.member(args.number(0)).raft.log))],
  [
    'status',
    (env, args) => env.print(describeProgressMap(env.member(args.number(0)).node.status().progress)),
  ],
  ['applied', (env, args) => env.print(quoted(env.member(args.number(0)).state.data))],
]);

const TRANSITIONS: ReadonlyMap<string, ConfChangeTransition> = new Map([
  ['auto', 'ConfChangeTransitionAuto'],
  ['implicit', 'ConfChangeTransitionJointImplicit'],
  ['explicit', 'ConfChangeTransitionJointExplicit'],
]);

function toNumber(word: string): number {
  if (!/^\d+$/.test(word)) {
    throw new TypeError(`"${word}" is not a number`);
  }
  return Number(word);
}

function settingsOf(args: Args): RaftSettings {
  return {
    asyncStorageWrites: args.flag('async'),
    preVote: args.flag('prevote'),
    checkQuorum: args.flag('checkquorum'),
    stepDownOnRemoval: args.flag('step-down'),
    disableConfChangeValidation: args.flag('no-validation'),
    disableProposalForwarding: args.flag('no-forwarding'),
    readOnlyOption: args.flag('lease') ? 'ReadOnlyLeaseBased' : 'ReadOnlySafe',
    maxInflightMsgs: args.optionNumber('inflight', 2 ** 31 - 1),
    maxSizePerMsg: args.optionNumber('max-size', Infinity),
    maxCommittedSizePerReady: args.optionNumber('max-committed', 0),
    maxUncommittedEntriesSize: args.optionNumber('max-uncommitted', 0),
  };
}

function snapshotOf(args: Args): Snapshot | undefined {
  if (!args.has('index')) {
    return undefined;
  }
  const confState = { ...NOBODY, voters: args.list('voters'), learners: args.list('learners') };
  const data = Buffer.from(args.option('content') ?? '');
  return { data, metadata: { index: args.optionNumber('index', 0), term: 1, confState } };
}

function proposeConfChange(env: RaftEnvironment, args: Args): void {
  const { node } = env.member(args.number(0));
  const changes = parseChanges(args.words.slice(1).join(' '));
  const context = Buffer.alloc(0);
  const [first] = changes;
  if (args.flag('v1') && first !== undefined) {
    env.printRefusal(node.proposeConfChange({ kind: 'v1', ...first, context }));
    return;
  }
  const transition = TRANSITIONS.get(args.option('transition') ?? 'auto');
  if (transition === undefined) {
    throw new TypeError('a transition is auto, implicit or explicit');
  }
  env.printRefusal(node.proposeConfChange({ kind: 'v2', transition, changes, context }));
}

function tick(env: RaftEnvironment, id: NodeId, count: number): void {
  for (let ticks = 0; ticks < count; ticks += 1) {
    env.member(id).node.tick();
  }
}

function forEach(env: RaftEnvironment, args: Args, title: string, act: (id: NodeId) => void): void {
  const ids = args.numbers();
  for (const id of ids) {
    if (ids.length > 1) {
      env.print(`${id} ${title}`);
      env.indented(() => act(id));
    } else {
      act(id);
    }
  }
}

function deliver(env: RaftEnvironment, args: Args): void {
  const type = args.option('type') as MessageType | undefined;
  const recipients = [
    ...args.numbers().map((id) => ({ id, drop: false })),
    ...args.list('drop').map((id) => ({ id, drop: true })),
  ];
  if (env.deliver(type, recipients) === 0) {
    env.print('no messages');
  }
}

function sendSnapshot(env: RaftEnvironment, args: Args): void {
  const [from, to] = [args.number(0), args.number(1)];
  const { node, state } = env.member(from);
  const message = { type: 'MsgSnap', to, from, term: node.basicStatus().term, snapshot: state } as const;
  env.messages.push(message);
  env.print(describeMessage(message, quoted));
}

function printLog(env: RaftEnvironment, id: NodeId): void {
  const { storage } = env.member(id);
  const entries = storage.all();
  env.print(
    entries.length === 0
      ? `log is empty: first index=${storage.firstIndex()}, last index=${storage.lastIndex()}`
      : describeEntries(entries, quoted),
  );
}

/** Each node as it sees itself. */
function printState(env: RaftEnvironment): void {
  for (const { node } of env.members) {
    const { id, raftState, term, lead, config } = node.status();
    const part = jointIds(config.voters).includes(id) ? '(Voter)' : '(Non-Voter)';
    env.print(`${id}: ${raftState} ${part} Term:${term} Lead:${lead}`);
  }
}
