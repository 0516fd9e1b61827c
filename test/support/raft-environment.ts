// SPDX-License-Identifier: Apache-2.0
// A cluster of the Raft core that is led by the hand: nothing moves but by a command. Each command answers with what
// happened, as text; the commands are described in `raft-commands.ts`.
import { invariant } from '../../src/common/index.ts';
import {
  describeMessage,
  describeReady,
  isLocalTarget,
  type Message,
  type MessageType,
  type NodeId,
  quoted,
  type Refusal,
  type Snapshot,
} from '../../src/raft/index.ts';
import { outbound, RaftMember, type RaftSettings } from './raft-member.ts';

/** To whom messages are delivered, or with `drop` who loses them. */
export interface Recipient {
  readonly id: NodeId;
  readonly drop: boolean;
}

export class RaftEnvironment {
  readonly members: RaftMember[] = [];
  /** On their way, in the order in which they left. */
  messages: Message[] = [];
  readonly #lines: string[] = [];
  #indent = '';

  /** Nodes with the next free ids, all from the same snapshot. */
  addNodes(count: number, settings: RaftSettings, snapshot: Snapshot | undefined): void {
    for (let added = 0; added < count; added += 1) {
      this.members.push(new RaftMember(this.members.length + 1, settings, snapshot));
    }
  }

  member(id: NodeId): RaftMember {
    const member = this.members[id - 1];
    invariant(member !== undefined, `there is a node ${id}`);
    return member;
  }

  /** What was printed since the last call. */
  takeOutput(): string {
    return this.#lines.splice(0).join('\n');
  }

  print(text: string): void {
    for (const line of text.trimEnd().split('\n')) {
      this.#lines.push(`${this.#indent}${line}`);
    }
  }

  printRefusal(refusal: Refusal | undefined): void {
    if (refusal !== undefined) {
      this.print(`refused: ${refusal}`);
    }
  }

  processReady(id: NodeId): void {
    const member = this.member(id);
    const ready = member.handleReady();
    this.print(describeReady(ready, quoted));
    this.messages.push(...outbound(ready));
  }

  processAppend(id: NodeId): void {
    const work = this.member(id).processAppend();
    if (work === undefined) {
      this.print('nothing to append');
      return;
    }
    this.#printWork({ ...work, responses: [] }, work.responses);
  }

  processApply(id: NodeId): void {
    const work = this.member(id).processApply();
    if (work === undefined) {
      this.print('nothing to apply');
      return;
    }
    this.#printWork({ ...work, responses: [] }, work.responses);
  }

  /** How many messages of this type, or of any, were delivered or dropped. */
  deliver(type: MessageType | undefined, recipients: readonly Recipient[]): number {
    let handled = 0;
    for (const { id, drop } of recipients) {
      const chosen = this.messages.filter((message) => isFor(message, id, type, drop));
      this.messages = this.messages.filter((message) => !chosen.includes(message));
      handled += chosen.length;
      for (const message of chosen) {
        this.print(`${drop ? 'dropped: ' : ''}${describeMessage(message, quoted)}`);
        if (!drop) {
          this.printRefusal(this.member(id).node.step(message));
        }
      }
    }
    return handled;
  }

  /** Lets these nodes go on, among themselves, until nothing is left to do. */
  stabilize(ids: readonly NodeId[]): void {
    let busy: boolean;
    do {
      busy = false;
      const round = (able: (member: RaftMember) => boolean, title: string, act: (id: NodeId) => void) => {
        for (const id of ids) {
          if (able(this.member(id))) {
            busy = true;
            this.print(`${id} ${title}`);
            this.indented(() => act(id));
          }
        }
      };
      round(
        ({ node }) => node.hasReady(),
        'handles Ready',
        (id) => this.processReady(id),
      );
      round(
        ({ id }) => this.messages.some((message) => isFor(message, id, undefined, false)),
        'receives',
        (id) => this.deliver(undefined, [{ id, drop: false }]),
      );
      round(
        ({ appendWork }) => appendWork.length > 0,
        'appends',
        (id) => this.#whileAny(this.member(id), 'appendWork', () => this.processAppend(id)),
      );
      round(
        ({ applyWork }) => applyWork.length > 0,
        'applies',
        (id) => this.#whileAny(this.member(id), 'applyWork', () => this.processApply(id)),
      );
    } while (busy);
  }

  #whileAny(member: RaftMember, work: 'appendWork' | 'applyWork', act: () => void): void {
    while (member[work].length > 0) {
      act();
    }
  }

  #printWork(work: Message, responses: readonly Message[]): void {
    this.print(`Processing:\n${describeMessage(work, quoted)}\nResponses:`);
    for (const response of responses) {
      this.print(describeMessage(response, quoted));
    }
    this.messages.push(...responses);
  }

  indented(act: () => void): void {
    const outer = this.#indent;
    this.#indent = `${outer}  `;
    act();
    this.#indent = outer;
  }
}

/** What a node tells itself, and what storage answers, is never lost. */
function isFor(message: Message, id: NodeId, type: MessageType | undefined, drop: boolean): boolean {
  const local = message.from === message.to || isLocalTarget(message.from);
  return message.to === id && (type === undefined || message.type === type) && !(drop && local);
}
