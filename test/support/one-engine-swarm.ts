// SPDX-License-Identifier: Apache-2.0
// A swarm, or a container's engine, of a fake engine: it tells what a test has put there, and of what the test says that happens.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FakeEngine } from './fake-engine.ts';
import { taskFilterRefusal } from './task-filters.ts';

export class OneEngineSwarm {
  readonly engine: FakeEngine;
  /** As the Engine API has them. */
  nodes: readonly unknown[] = [];
  services: readonly unknown[] = [];
  tasks: readonly unknown[] = [];
  containers: readonly unknown[] = [];
  /** `Swarm` of `GET /info`. */
  state: { readonly LocalNodeState: string; readonly ControlAvailable?: boolean } = {
    LocalNodeState: 'active',
    ControlAvailable: true,
  };
  /** How often the tasks were read. */
  reads = 0;
  /** What is asked for waits until this resolves, when set. */
  gate: Promise<void> | undefined;
  /** Answers 500 to everything. */
  isBroken = false;

  private constructor(engine: FakeEngine) {
    this.engine = engine;
    engine.handler = (request, response) => this.#handle(request, response);
  }

  static async start(context: { after(work: () => Promise<void>): void }): Promise<OneEngineSwarm> {
    const engine = await new FakeEngine().start();
    context.after(() => engine.remove());
    return new OneEngineSwarm(engine);
  }

  /** Something happens: `service update s1`. Told, as an engine does, to who has asked for events of this type or of all. */
  emit(Type: string, Action: string, ID = 'x'): void {
    for (const stream of this.engine.eventStreams) {
      const types = eventTypes(stream.req.url);
      if (types === undefined || types.includes(Type)) {
        stream.write(`${JSON.stringify({ Type, Action, Actor: { ID, Attributes: {} } })}\n`);
      }
    }
  }

  #handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? '', 'http://engine');
    const { pathname } = url;
    const answers: Readonly<Record<string, () => unknown>> = {
      '/info': () => ({ ServerVersion: '20.10.24', Swarm: this.state }),
      '/nodes': () => this.nodes,
      '/services': () => this.services,
      '/tasks': () => this.tasks,
      '/containers/json': () => this.containers,
    };
    const answer = answers[pathname];
    if (answer === undefined) {
      return false;
    }
    const refusal = pathname === '/tasks' ? taskFilterRefusal(url) : undefined;
    void this.#answer(response, pathname, answer, refusal);
    return true;
  }

  async #answer(
    response: ServerResponse,
    pathname: string,
    answer: () => unknown,
    refused: string | undefined,
  ): Promise<void> {
    this.reads += pathname === '/tasks' ? 1 : 0;
    await this.gate;
    const refusal = this.isBroken ? 'broken' : refused;
    response.writeHead(refusal === undefined ? 200 : 500, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(refusal === undefined ? answer() : { message: refusal }));
  }
}

function eventTypes(url: string | undefined): readonly string[] | undefined {
  const filters = new URL(url ?? '', 'http://engine').searchParams.get('filters');
  return filters === null ? undefined : (JSON.parse(filters) as { readonly type?: readonly string[] }).type;
}
