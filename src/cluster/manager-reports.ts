// SPDX-License-Identifier: Apache-2.0
// Asks all other managers at once what they have refused, and how they are.
import { CofferError } from '../common/index.ts';
import type { ManagerContact } from './identity.ts';
import type { MemberClient } from './member-client.ts';
import type { ManagerAnswer, ManagerReport } from './report-model.ts';
import { BODY, decodeBody, encodeBody } from './rpc-body.ts';

const ASK_TIMEOUT_MS = 2_000;

export interface ManagerReportsOptions {
  readonly client: Pick<MemberClient, 'call'>;
  /** This node's id. */
  readonly nodeId: string;
  /** All managers as far as they are known, this one among them. */
  readonly managers: () => readonly ManagerContact[];
  readonly now_ms: () => number;
}

/** Resolves in little more than two seconds, and never rejects. */
export function askManagers(options: ManagerReportsOptions): Promise<readonly ManagerAnswer[]> {
  const others = options.managers().filter(({ nodeId }) => nodeId !== options.nodeId);
  return Promise.all(others.map((manager) => askOne(options, manager)));
}

async function askOne(
  { client, now_ms }: ManagerReportsOptions,
  manager: ManagerContact,
): Promise<ManagerAnswer> {
  const { nodeId } = manager;
  const askedAt_ms = now_ms();
  try {
    const body = encodeBody(BODY.nothing, {});
    const report = decodeBody(BODY.reportReply, await client.call(manager, 'report', body, ASK_TIMEOUT_MS));
    return { kind: 'told', nodeId, report, askedAt_ms, answeredAt_ms: now_ms() };
  } catch (thrown) {
    return { kind: 'silent', nodeId, problem: CofferError.from(thrown) };
  }
}

/** What is answered to another manager that asks. */
export function encodeReport({ refusals, ...report }: ManagerReport): Buffer {
  const copied = refusals.map((refusal) =>
    refusal.kind === 'volume' ? { ...refusal, users: [...refusal.users] } : refusal,
  );
  return encodeBody(BODY.reportReply, { ...report, refusals: copied });
}
