// SPDX-License-Identifier: Apache-2.0
// The names in coffer's certificates: who a node is, and which CA speaks for its cluster.
import { invariant } from '../common/index.ts';
import { objectId, type DerElement, sequence, set, utf8String } from './der.ts';

/** `unlock`: a manager's second certificate, by which it asks for the unlock key while its own is sealed; good for nothing else. */
export type Role = 'manager' | 'worker' | 'unlock';

/** Who a certificate is for. Both ids have 25 characters of base 36, in lower case. */
export interface NodeSubject {
  readonly nodeId: string;
  readonly role: Role;
  readonly clusterId: string;
}

/** Whose name a root has: its cluster, and its key by `keyIdentifier`. */
export interface AuthoritySubject {
  readonly clusterId: string;
  readonly keyId: string;
}

/** The name that clients ask a manager for, whichever it is and wherever it runs. */
export const MANAGER_SERVER_NAME = 'coffer-manager';

const ORGANIZATIONAL_UNIT = {
  manager: 'coffer-manager',
  worker: 'coffer-worker',
  unlock: 'coffer-unlock',
} as const satisfies Readonly<Record<Role, string>>;
const ATTRIBUTE = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
} as const;

/** CN=`nodeId`, OU=`coffer-` and the role, O=`clusterId`. */
export function nodeName(subject: NodeSubject): DerElement {
  checkId(subject.nodeId);
  checkId(subject.clusterId);
  return distinguishedName([
    [ATTRIBUTE.organization, subject.clusterId],
    [ATTRIBUTE.organizationalUnit, ORGANIZATIONAL_UNIT[subject.role]],
    [ATTRIBUTE.commonName, subject.nodeId],
  ]);
}

/**
 * CN=`coffer CA <key id>`, O=`clusterId`. OpenSSL looks issuers up by name, so successive roots of a cluster must
 * not share one; and node:crypto shows an issuer's name, but not its key id.
 */
export function authorityName({ clusterId, keyId }: AuthoritySubject): DerElement {
  checkId(clusterId);
  return distinguishedName([
    [ATTRIBUTE.organization, clusterId],
    [ATTRIBUTE.commonName, `coffer CA ${keyId}`],
  ]);
}

/** What a CSR has for a name: it is not looked at. */
export function requestName(): DerElement {
  return commonNameAlone('coffer');
}

/** CN=`text`, and nothing else. */
export function commonNameAlone(text: string): DerElement {
  return distinguishedName([[ATTRIBUTE.commonName, text]]);
}

/** The DNS names of a node, in the order in which they stand in its certificate. */
export function dnsNames({ nodeId, role }: NodeSubject): readonly string[] {
  return role === 'manager' ? [nodeId, MANAGER_SERVER_NAME] : [nodeId];
}

/** Reads a name as `X509Certificate#subject` shows it; undefined unless `nodeName` could have made it. */
export function parseNodeName(text: string): NodeSubject | undefined {
  const match = /^O=([0-9a-z]{25})\nOU=coffer-(manager|worker|unlock)\nCN=([0-9a-z]{25})$/.exec(text);
  const [, clusterId, role, nodeId] = match ?? [];
  if (clusterId === undefined || nodeId === undefined || !isRole(role)) {
    return undefined;
  }
  return { nodeId, role, clusterId };
}

/** The same for the name of an authority. */
export function parseAuthorityName(text: string): AuthoritySubject | undefined {
  const [, clusterId, keyId] = /^O=([0-9a-z]{25})\nCN=coffer CA ([0-9a-f]{40})$/.exec(text) ?? [];
  return clusterId === undefined || keyId === undefined ? undefined : { clusterId, keyId };
}

function isRole(text: string | undefined): text is Role {
  return text !== undefined && Object.hasOwn(ORGANIZATIONAL_UNIT, text);
}

function checkId(id: string): void {
  invariant(/^[0-9a-z]{25}$/.test(id), 'a node or cluster id does not have 25 characters of base 36');
}

function distinguishedName(attributes: readonly (readonly [oid: string, value: string])[]): DerElement {
  return sequence(...attributes.map(([oid, value]) => set(sequence(objectId(oid), utf8String(value)))));
}
