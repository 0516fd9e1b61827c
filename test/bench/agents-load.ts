// SPDX-License-Identifier: Apache-2.0
// Thousands of agents in a process of their own. Each has a genuine certificate and a TLS connection; they do what agents do, but
// that what they are given is only looked at.
import { setTimeout as delay } from 'node:timers/promises';
import type { JoinedNode } from '../support/joined-node.ts';
import { addressOf, joinFrom, type ManyNodesOptions } from '../support/many-nodes.ts';
import { inParallel } from '../support/secret-calls.ts';
import { TestAgent } from '../support/test-agent.ts';
import { machine_ms } from './cluster-load.ts';

/** How many join, or connect, at a time: fewer than a manager takes from strangers. */
const WIDTH = 48;
const TRIES_MAX = 200;
const RETRY_MS = 250;

export interface JoinAll extends ManyNodesOptions {
  /** The engines that they are beside: one more node for each. */
  readonly engines: readonly string[];
}

/** As an agent does it: again and again. */
async function untilLetIn<T>(number: number, enter: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await enter();
    } catch (cause) {
      if (tries >= TRIES_MAX) {
        throw new Error(`node ${number} was not let in`, { cause });
      }
      await delay(RETRY_MS * (0.5 + Math.random()));
    }
  }
}

/** The questions that the process of the agents answers. */
export function agentsRole() {
  let nodes: readonly { readonly node: JoinedNode; readonly number: number }[] = [];
  let agents: readonly TestAgent[] = [];
  /** When each agent got each value that it got, by value. */
  const receipts = new Map<string, number[]>();
  let address = '';

  const note = (value: string): void => {
    const times_ms = receipts.get(value) ?? [];
    receipts.set(value, times_ms);
    times_ms.push(machine_ms());
  };

  function register(node: JoinedNode, number: number): Promise<TestAgent> {
    return untilLetIn(number, () =>
      TestAgent.registered({
        address,
        credentials: node.credentials,
        keeps: false,
        tls: { localAddress: addressOf(number) },
        onAssignment: ({ changes }) => {
          changes.forEach((change) => change.kind === 'put-secret' && note(change.value.toString()));
        },
      }),
    );
  }

  return {
    join: async (all: JoinAll): Promise<void> => {
      address = all.address;
      const joined = [...nodes];
      const numbers = all.engines.map((engine, at) => ({ engine, number: nodes.length + at }));
      await inParallel(numbers, WIDTH, async ({ engine, number }) => {
        joined.push({ node: await untilLetIn(number, () => joinFrom(number, engine, all)), number });
      });
      nodes = joined;
    },
    /** Milliseconds until all of them have what they are due. */
    registerAll: async (): Promise<number> => {
      const began_ms = machine_ms();
      const registered: TestAgent[] = [];
      await inParallel(nodes, WIDTH, async ({ node, number }) => {
        registered.push(await register(node, number));
      });
      agents = registered;
      return machine_ms() - began_ms;
    },
    /** When each agent got this value: resolves once all of them have. */
    received: async (value: string): Promise<readonly number[]> => {
      await Promise.all(agents.map((agent) => agent.holds('shared', value)));
      return receipts.get(value) ?? [];
    },
    /** How many sessions are open. */
    open: async (): Promise<number> => agents.filter(({ isOver }) => !isOver).length,
  };
}
