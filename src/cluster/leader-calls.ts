// SPDX-License-Identifier: Apache-2.0
// Calls of the administration by a node that has no state: it knows some managers, and not which of them leads.
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError } from '../common/index.ts';
import { callOnce, type CredentialsSource } from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import { BODY, decodeBody, encodeBody } from './rpc-body.ts';

/** A leader that has just gone is followed by another within this. */
const PATIENCE_MS = 8_000;
const ROUND_MS = 250;
const CALL_TIMEOUT_MS = 10_000;

export interface LeaderCallsOptions {
  /** `host:port` of managers. */
  readonly addresses: readonly string[];
  readonly credentials: CredentialsSource;
  /** PEM of those that are trusted. */
  readonly roots: readonly string[];
}

export interface LeaderReply {
  readonly result: unknown;
  /** Of the manager that leads. */
  readonly address: string;
}

export class LeaderCalls {
  readonly #options: LeaderCallsOptions;

  constructor(options: LeaderCallsOptions) {
    this.#options = options;
  }

  /**
   * One call, carried out by the leader. Rejects with its refusal, `cluster.quorum` while none leads, `cluster.node-removed` as
   * soon as one of them says so, or `transport.*` if nobody answers.
   */
  async call(call: string, given: readonly unknown[], timeout_ms = CALL_TIMEOUT_MS): Promise<LeaderReply> {
    const deadline_ms = performance.now() + PATIENCE_MS;
    for (;;) {
      const problems: CofferError[] = [];
      for (const address of this.#options.addresses) {
        try {
          return { result: await this.#callOne(address, call, given, timeout_ms), address };
        } catch (thrown) {
          const error = CofferError.from(thrown);
          if (!isOfThisManagerAlone(error)) {
            throw error;
          }
          problems.push(error);
        }
      }
      if (performance.now() > deadline_ms || problems.every(isSilence)) {
        throw summary(problems);
      }
      await delay(ROUND_MS);
    }
  }

  async #callOne(
    address: string,
    call: string,
    given: readonly unknown[],
    timeout_ms: number,
  ): Promise<unknown> {
    const { credentials, roots } = this.#options;
    const { reply } = await callOnce({
      address,
      protocol: PROTOCOL.member,
      credentials,
      verification: { kind: 'roots', roots },
      method: 'admin',
      body: encodeBody(BODY.admin, { call, arguments: [...given] }),
      timeout_ms,
    });
    return decodeBody(BODY.adminReply, reply).result;
  }
}

/** Whether another manager may answer otherwise. */
function isOfThisManagerAlone({ code }: CofferError): boolean {
  return (
    code.startsWith('transport.') ||
    code.startsWith('store.') ||
    code === 'pki.certificate-invalid' ||
    code === 'cluster.node-unknown' ||
    code === 'cluster.not-a-manager'
  );
}

function isSilence({ code }: CofferError): boolean {
  return code.startsWith('transport.') || code === 'pki.certificate-invalid';
}

/** Pure: what several managers have said, in one sentence. */
function summary(problems: readonly CofferError[]): CofferError {
  const unknown = problems.find(({ code }) => code === 'cluster.node-unknown');
  const untrusted = problems.find(({ code }) => code === 'pki.certificate-invalid');
  const undecided = problems.find((problem) => !isSilence(problem));
  if (unknown !== undefined) {
    return unknown;
  }
  if (undecided !== undefined) {
    return new CofferError(
      'cluster.quorum',
      `a manager answers, and a majority of them is not there: ${undecided.detail}`,
      {
        cause: undecided,
        hint: 'Start the managers that are down; docker coffer node ls there shows them.',
      },
    );
  }
  const [first] = problems;
  return (
    untrusted ??
    new CofferError(
      'transport.unreachable',
      `no other manager answers: ${first?.detail ?? 'none is known'}`,
      {
        hint: 'See that the other managers run, or name one: docker coffer rebuild --join ADDRESS',
        ...(first !== undefined && { cause: first }),
      },
    )
  );
}
