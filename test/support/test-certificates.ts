// SPDX-License-Identifier: Apache-2.0
// Certificates for tests of connections, made by the openssl program: independent of what coffer makes itself.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TlsCredentials } from '../../src/transport/index.ts';
import { temporaryDirectory } from './cleanup.ts';

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf';
const SELF_SIGNED = `req -x509 -days 2 ${NEW_KEY}`;

const EXTENSIONS = (nodeId: string): string =>
  [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    `subjectAltName=DNS:${nodeId},DNS:coffer-manager`,
  ].join('\n');

export interface LeafOptions {
  /** The organisational unit; default `coffer-manager`. */
  readonly unit?: string;
  /** The organisation; default the authority's cluster. */
  readonly clusterId?: string;
  /** Days from now on; negative: it has ended. Default 1. */
  readonly notAfter_days?: number;
  readonly notBefore_days?: number;
}

/** The certificate authority of one cluster, with a P-256 key, until `remove`. */
export class TestAuthority {
  readonly clusterId: string;
  readonly certificate: string;
  readonly #directory = temporaryDirectory();
  #issued = 0;

  constructor(clusterId = 'cluster-1') {
    this.clusterId = clusterId;
    this.#writeConfig();
    this.#openssl(
      `${SELF_SIGNED} -extensions v3_ca -keyout ca.key -out ca.pem -subj`,
      `/O=${clusterId}/CN=coffer-ca`,
    );
    this.certificate = this.#read('ca.pem');
  }

  /** A new key and certificate. With a validity in days, openssl's `ca` makes it, which can do that. */
  leaf(nodeId: string, options: LeafOptions = {}): TlsCredentials {
    const { unit = 'coffer-manager', clusterId = this.clusterId } = options;
    const { notAfter_days = 1, notBefore_days = -1 } = options;
    this.#issued += 1;
    const name = `leaf-${this.#issued}`;
    writeFileSync(path.join(this.#directory.path, `${name}.ext`), EXTENSIONS(nodeId));
    this.#openssl(
      `req -new ${NEW_KEY} -keyout ${name}.key -out ${name}.csr -subj`,
      `/O=${clusterId}/OU=${unit}/CN=${nodeId}`,
    );
    this.#openssl(
      `ca -batch -notext -config ca.cnf -in ${name}.csr -out ${name}.pem -extfile ${name}.ext`,
      '-startdate',
      opensslTime(notBefore_days),
      '-enddate',
      opensslTime(notAfter_days),
    );
    return {
      certificate: this.#read(`${name}.pem`),
      key: this.#read(`${name}.key`),
      roots: [this.certificate],
    };
  }

  /** What a node has before it is a member of anything. */
  selfSigned(nodeId: string): TlsCredentials {
    this.#issued += 1;
    const name = `self-${this.#issued}`;
    this.#openssl(
      `${SELF_SIGNED} -keyout ${name}.key -out ${name}.pem -subj`,
      `/O=${this.clusterId}/OU=coffer-manager/CN=${nodeId}`,
    );
    return { certificate: this.#read(`${name}.pem`), key: this.#read(`${name}.key`), roots: [] };
  }

  remove(): void {
    this.#directory.remove();
  }

  #writeConfig(): void {
    const lines = [
      '[req]\ndistinguished_name=dn\nprompt=no\nstring_mask=utf8only\n[dn]',
      '[v3_ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign',
      '[ca]\ndefault_ca=ca_default\n[ca_default]',
      'database=index.txt\nnew_certs_dir=.\nserial=serial\ncertificate=ca.pem\nprivate_key=ca.key',
      'default_md=sha256\nunique_subject=no\npolicy=any',
      '[any]\norganizationName=optional\norganizationalUnitName=optional\ncommonName=supplied\n',
    ];
    writeFileSync(path.join(this.#directory.path, 'ca.cnf'), lines.join('\n'));
    writeFileSync(path.join(this.#directory.path, 'index.txt'), '');
    writeFileSync(path.join(this.#directory.path, 'serial'), '1000\n');
  }

  /** Runs openssl with the words of `command`, and then `rest` as it is. */
  #openssl(command: string, ...rest: readonly string[]): void {
    execFileSync('openssl', [...command.split(' '), ...rest], { cwd: this.#directory.path, stdio: 'pipe' });
  }

  #read(name: string): string {
    return readFileSync(path.join(this.#directory.path, name), 'utf8');
  }
}

/** `YYYYMMDDHHMMSSZ`, so many days from now. */
function opensslTime(days: number): string {
  const at = new Date(Date.now() + days * 24 * 3_600_000);
  return at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
}
