// SPDX-License-Identifier: Apache-2.0
// The core's things in words, in the form that etcd's raft library prints them in, so that runs can be compared.
import { asV2, decodeConfChange } from './confchange/index.ts';
import type { Message } from './message.ts';
import type { Ready } from './ready.ts';
import {
  type ConfChangeSingle,
  type ConfChangeType,
  type ConfState,
  type Entry,
  type HardState,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  NONE,
  type NodeId,
  type ReadState,
  type Snapshot,
  type SoftState,
} from './types.ts';

/** How the data of an entry is shown. Where it may be secret, by its length alone. */
export type DataFormatter = (data: Buffer) => string;

/** Shows data as text in double quotes. Only for tests, whose data is nobody's secret. */
export function quoted(data: Buffer): string {
  return JSON.stringify(data.toString('latin1'));
}

/** As `Term:2 Vote:1 Commit:5`. */
export function describeHardState({ term, vote, commit }: HardState): string {
  const words = [`Term:${term}`];
  if (vote !== NONE) {
    words.push(`Vote:${vote}`);
  }
  words.push(`Commit:${commit}`);
  return words.join(' ');
}

/** As `Lead:1 State:StateFollower`. */
export function describeSoftState({ lead, raftState }: SoftState): string {
  return `Lead:${lead} State:${raftState}`;
}

/** As `Voters:[1 2] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false`. */
export function describeConfState(confState: ConfState): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = confState;
  return [
    `Voters:${list(voters)}`,
    `VotersOutgoing:${list(votersOutgoing)}`,
    `Learners:${list(learners)}`,
    `LearnersNext:${list(learnersNext)}`,
    `AutoLeave:${autoLeave}`,
  ].join(' ');
}

/** As `Index:5 Term:1 ConfState:...`. */
export function describeSnapshot({ metadata: { index, term, confState } }: Snapshot): string {
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

/** As `1/4 EntryNormal "data"`: term, index, type, and what the data says. */
export function describeEntry(entry: Entry, format: DataFormatter): string {
  const words = [`${entry.term}/${entry.index}`, entry.type, describeData(entry, format)];
  return words.filter((word) => word !== '').join(' ');
}

/** One entry a line. */
export function describeEntries(entries: readonly Entry[], format: DataFormatter): string {
  return entries.map((entry) => `${describeEntry(entry, format)}\n`).join('');
}

/** As `v2 l3 r4 u5`: a voter added, a learner added, a node removed, a node's data changed. */
export function describeChanges(changes: readonly ConfChangeSingle[]): string {
  return changes.map(({ type, nodeId }) => `${CHANGE_LETTERS[type]}${nodeId}`).join(' ');
}

/**
 * As `1->2 MsgApp Term:1 Log:1/3 Commit:4 Entries:[1/4 EntryNormal "data"]`. Log is the term and the index that the
 * kind has, or zeros.
 */
export function describeMessage(message: Message, format: DataFormatter): string {
  return describeIndented('', message, format);
}

/** All that is in it, a heading and a line for each thing. */
export function describeReady(ready: Ready, format: DataFormatter): string {
  const { softState, hardState, readStates, entries, snapshot, committedEntries, messages } = ready;
  const lines: string[] = [];
  if (softState !== undefined) {
    lines.push(`${describeSoftState(softState)}\n`);
  }
  if (hardState !== undefined) {
    lines.push(`HardState ${describeHardState(hardState)}\n`);
  }
  if (readStates.length > 0) {
    lines.push(`ReadStates [${readStates.map(describeReadState).join(' ')}]\n`);
  }
  if (entries.length > 0) {
    lines.push('Entries:\n', describeEntries(entries, format));
  }
  if (snapshot !== undefined) {
    lines.push(`Snapshot ${describeSnapshot(snapshot)}\n`);
  }
  if (committedEntries.length > 0) {
    lines.push('CommittedEntries:\n', describeEntries(committedEntries, format));
  }
  if (messages.length > 0) {
    lines.push('Messages:\n', ...messages.map((message) => `${describeMessage(message, format)}\n`));
  }
  return lines.length === 0 ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${lines.join('')}`;
}

const CHANGE_LETTERS: Readonly<Record<ConfChangeType, string>> = {
  ConfChangeAddNode: 'v',
  ConfChangeAddLearnerNode: 'l',
  ConfChangeRemoveNode: 'r',
  ConfChangeUpdateNode: 'u',
};

function describeIndented(indent: string, message: Message, format: DataFormatter): string {
  const { from, to, type, term } = message;
  const logTerm = 'logTerm' in message ? message.logTerm : 0;
  const index = 'index' in message ? message.index : 0;
  let text = `${indent}${describeNode(from)}->${describeNode(to)} ${type} Term:${term} Log:${logTerm}/${index}`;
  if ('reject' in message && message.reject) {
    text += ` Rejected (Hint: ${'rejectHint' in message ? message.rejectHint : 0})`;
  }
  if ('recoveringTerm' in message && message.recoveringTerm !== 0) {
    text += ` Recovering:${message.recoveringTerm}`;
  }
  if ('commit' in message && message.commit !== 0) {
    text += ` Commit:${message.commit}`;
  }
  if ('vote' in message && message.vote !== NONE) {
    text += ` Vote:${message.vote}`;
  }
  text += describeMessageEntries(indent, entriesOf(message), format);
  if ('snapshot' in message && message.snapshot !== undefined) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
  }
  if ('responses' in message && message.responses.length > 0) {
    const lines = message.responses.map((response) => describeIndented(`${indent}  `, response, format));
    text += ` Responses:[\n${lines.join('\n')}\n${indent}]`;
  }
  return text;
}

/** A read's context is shown as the entry that it is in etcd's library. */
function entriesOf(message: Message): readonly Entry[] {
  if (message.type === 'MsgReadIndex' || message.type === 'MsgReadIndexResp') {
    return [{ index: 0, term: 0, type: 'EntryNormal', data: message.context }];
  }
  return 'entries' in message ? message.entries : [];
}

function describeMessageEntries(indent: string, entries: readonly Entry[], format: DataFormatter): string {
  const [first, ...others] = entries;
  if (first === undefined) {
    return '';
  }
  if (others.length === 0) {
    return ` Entries:[${describeEntry(first, format)}]`;
  }
  const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry, format)}`);
  return ` Entries:[${lines.join('')}\n${indent}]`;
}

function describeData({ type, data }: Entry, format: DataFormatter): string {
  return type === 'EntryNormal' ? format(data) : describeChanges(asV2(decodeConfChange(type, data)).changes);
}

function describeNode(id: NodeId): string {
  switch (id) {
    case NONE:
      return 'None';
    case LOCAL_APPEND_THREAD:
      return 'AppendThread';
    case LOCAL_APPLY_THREAD:
      return 'ApplyThread';
    default:
      return id.toString(16);
  }
}

function describeReadState({ index, requestCtx }: ReadState): string {
  return `{${index} ${list([...requestCtx])}}`;
}

function list(numbers: readonly number[]): string {
  return `[${numbers.join(' ')}]`;
}
