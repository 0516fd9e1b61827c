// SPDX-License-Identifier: Apache-2.0
// A cluster's certificates, and what OpenSSL's own programs say of them.
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import {
  type Authority,
  createAuthority,
  generateKey,
  issueCertificate,
  type NodeSubject,
} from '../../../src/pki/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { type CommandResult, tryCommand } from '../../support/command.ts';

export const CLUSTER_ID = 'clusteraaaaaaaaaaaaaaaaaa';
export const OTHER_CLUSTER_ID = 'clusterbbbbbbbbbbbbbbbbbb';
export const NODE_ID = 'node00000000000000000000a';
export const OTHER_NODE_ID = 'node00000000000000000000b';

export const DAY_MS = 86_400_000;

/** Some moment, with a part of a second. */
export const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 789);

export const MANAGER: NodeSubject = { nodeId: NODE_ID, role: 'manager', clusterId: CLUSTER_ID };
export const WORKER: NodeSubject = { nodeId: OTHER_NODE_ID, role: 'worker', clusterId: CLUSTER_ID };

export const UNLOCK: NodeSubject = { nodeId: NODE_ID, role: 'unlock', clusterId: CLUSTER_ID };

export interface Issued {
  readonly certificate: string;
  readonly key: KeyObject;
}

/** A root that is made and valid now: what OpenSSL's programs and TLS ask the real clock about. */
export function currentAuthority(): Authority {
  return createAuthority({ clusterId: CLUSTER_ID, now_ms: Date.now() });
}

export function issueTo(authority: Authority, subject: NodeSubject, now_ms = Date.now()): Issued {
  const key = generateKey();
  const certificate = issueCertificate({
    authority,
    publicKey: key,
    subject,
    now_ms,
    lifetime_ms: 90 * DAY_MS,
  });
  return { certificate, key };
}

export interface OpenSsl {
  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array): string;
  /** Runs `openssl`; `code` tells how it ended. */
  run(...args: readonly string[]): Promise<CommandResult>;
}

/** The `openssl` program, with a directory for its files that the test's end removes. */
export function openSsl(t: TestContext): OpenSsl {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  return {
    file(name, content) {
      const file = path.join(directory.path, name);
      writeFileSync(file, content, { mode: 0o600 });
      return file;
    },
    run: (...args) => tryCommand(['openssl', ...args], { cwd: directory.path }),
  };
}
