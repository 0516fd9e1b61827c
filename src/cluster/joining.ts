// SPDX-License-Identifier: Apache-2.0
// Whether this node is to join a cluster, and which managers it tries to join through.
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, type Logger } from '../common/index.ts';
import { describeCertificate, type JoinToken, parseJoinToken } from '../pki/index.ts';
import { withPort } from './addresses.ts';
import type { ClusterSettings } from './cluster-settings.ts';
import type { Endpoint } from './endpoint.ts';
import type { NodeIdentityFile } from './identity.ts';
import { joinThrough } from './join.ts';

const ENGINE_WAIT_MS = 1_500;

export interface JoiningOptions {
  readonly settings: ClusterSettings;
  readonly endpoint: Endpoint;
  readonly key: KeyObject;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/**
 * Whether a worker is to join anew, under another id: its certificate has expired, so that no manager hears it any more, and
 * there is a token. It has nothing to lose by it.
 */
export function joinsAgain(
  { certificates, role }: Pick<NodeIdentityFile, 'certificates' | 'role'>,
  { joinToken, joinTokenFile }: Pick<ClusterSettings, 'joinToken' | 'joinTokenFile'>,
  now_ms: number,
): boolean {
  const hasToken = joinToken !== undefined || joinTokenFile !== undefined;
  return role === 'worker' && hasToken && describeCertificate(certificates[0] ?? '').notAfter_ms <= now_ms;
}

/**
 * Joins, through the first manager that lets this node in. Undefined if the settings do not ask for it: then the node is to
 * found a cluster. Throws `settings.invalid`, `cluster.token-invalid` for a token that is none, and `cluster.joining` with
 * the reason if no manager has let it in: that may pass.
 */
export async function joinAsSet(options: JoiningOptions): Promise<NodeIdentityFile | undefined> {
  const { endpoint, settings } = options;
  const token = await readToken(settings);
  if (token === undefined) {
    if (settings.join.length > 0) {
      // Not a cluster of its own, which nobody would notice for a while.
      throw new CofferError('settings.invalid', 'COFFER_JOIN names a cluster, and there is no join token', {
        hint: 'Set COFFER_JOIN_TOKEN too; to begin a cluster with this node, set neither.',
      });
    }
    return undefined;
  }
  // Without the engine the node may not know its address, or whom to join.
  await Promise.race([endpoint.askEngine(), delay(ENGINE_WAIT_MS)]);
  const addresses = settings.join.length > 0 ? settings.join : endpoint.facts.managers;
  const [first] = addresses;
  if (first === undefined) {
    // The engine may come into a swarm any moment.
    await Promise.race([endpoint.askAgain(), delay(ENGINE_WAIT_MS)]);
    throw new CofferError('cluster.joining', 'there is a join token, and no manager to join is known', {
      hint: 'Set COFFER_JOIN to the address of a manager; in a swarm, the engine says it once it has started.',
    });
  }
  await endpoint.towards(withPort(first));
  await endpoint.listen();
  return joinThroughOne(options, token, addresses);
}

async function joinThroughOne(
  { endpoint, key, logger, now_ms }: JoiningOptions,
  token: JoinToken,
  addresses: readonly string[],
): Promise<NodeIdentityFile> {
  let problem = new CofferError('cluster.joining', 'no manager has answered');
  for (const address of addresses) {
    try {
      return await joinThrough({
        token,
        manager: withPort(address),
        key,
        address: endpoint.address,
        engineNodeId: endpoint.engineNodeId ?? '',
        now_ms: now_ms(),
      });
    } catch (thrown) {
      problem = CofferError.from(thrown, 'cluster.joining');
      logger.warn('could not join', { through: address, reason: problem.message });
    }
  }
  throw new CofferError('cluster.joining', `the node has not joined its cluster: ${problem.detail}`, {
    cause: problem,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}

async function readToken({ joinToken, joinTokenFile }: ClusterSettings): Promise<JoinToken | undefined> {
  if (joinToken !== undefined || joinTokenFile === undefined) {
    return joinToken === undefined ? undefined : parseJoinToken(joinToken);
  }
  try {
    return parseJoinToken(await readFile(joinTokenFile, 'utf8'));
  } catch (thrown) {
    const { detail } = CofferError.from(thrown);
    const sentence = `COFFER_JOIN_TOKEN_FILE does not hold a join token: ${detail}`;
    throw new CofferError('settings.invalid', sentence, { cause: thrown });
  }
}
