// SPDX-License-Identifier: Apache-2.0
// What OpenSSL's own programs see on a manager's port, and whether they agree with coffer about it.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import type { NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { describeCertificate } from '../../../src/pki/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { type CommandResult, tryCommand } from '../../support/command.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TestNode } from './cluster-harness.ts';

describe("OpenSSL, at a manager's port", () => {
  let node: TestNode;
  let files: TemporaryDirectory;

  before(async () => {
    node = await TestNode.start();
    files = temporaryDirectory();
    const { certificate, key } = node.issue({ nodeId: node.id, role: 'manager' });
    write('root.pem', node.authority.certificate);
    write('client.pem', certificate);
    write('client.key', String(key));
    write('own.pem', ownCertificates().join(''));
  });
  after(async () => {
    await node?.destroy();
    files?.remove();
  });

  function write(name: string, content: string): void {
    writeFileSync(path.join(files.path, name), content, { mode: 0o600 });
  }

  function ownCertificates(): readonly string[] {
    return (JSON.parse(readFileSync(node.identityFile, 'utf8')) as NodeIdentityFile).certificates;
  }

  async function openssl(command: string): Promise<CommandResult> {
    return tryCommand(['openssl', ...command.split(' ')], { cwd: files.path, input: '' });
  }

  /** What a client sees that hangs up after the handshake; with `-ign_eof`, until the node has hung up. */
  async function client(options: string): Promise<string> {
    const always = `-connect ${node.address} -servername coffer-manager -verify_return_error`;
    const trust = '-CAfile root.pem -no-CApath -no-CAstore -verify_hostname coffer-manager';
    const { stderr, stdout } = await openssl(`s_client ${always} ${trust} ${options}`);
    return stdout + stderr;
  }

  const CLIENT = '-cert client.pem -key client.key';

  test('a client with a certificate is let in, over TLS 1.3 and the protocol that it asked for', async () => {
    const seen = await client(`-alpn ${PROTOCOL.snapshot} ${CLIENT}`);
    assert.match(seen, /Verification: OK|Verify return code: 0 \(ok\)/);
    assert.match(seen, /TLSv1\.3, Cipher is TLS_/);
    assert.match(seen, new RegExp(`ALPN protocol: ${PROTOCOL.snapshot}`));
    assert.match(seen, /Peer signature type: (ECDSA|ecdsa_secp256r1_sha256)/);
    assert.match(seen, /Peer Temp Key|Server Temp Key/);
  });

  test('a client without a certificate gets its refusal as a sentence, after a handshake that it can verify', async () => {
    const seen = await client(`-ign_eof -alpn ${PROTOCOL.raft}`);
    assert.match(seen, /Verif(ication: OK|y return code: 0)/);
    assert.match(seen, /transport\.refused.*shows no certificate/);
  });

  test('no session is taken up again: it would outlive the removal of its node', async () => {
    // Without a protocol, so that it is hung up on and has heard all that there is.
    await client(`-ign_eof ${CLIENT} -sess_out session.pem`);
    assert.ok(existsSync(path.join(files.path, 'session.pem')), 'a session is offered');
    const again = await client(`-ign_eof ${CLIENT} -sess_in session.pem`);
    assert.match(again, /^New, TLSv1\.3/m);
    assert.doesNotMatch(again, /^Reused/m);
  });

  for (const version of ['-tls1_2', '-tls1_1']) {
    test(`${version} is not spoken`, async () => {
      const seen = await client(`${version} -alpn ${PROTOCOL.raft} ${CLIENT}`);
      assert.match(seen, /alert protocol version|no protocols available|unsupported protocol/);
      assert.match(seen, /Cipher is \(NONE\)/);
    });
  }

  test('a protocol that is not coffer’s is refused in the handshake, none at all after it', async () => {
    assert.match(await client(`-alpn h2 ${CLIENT}`), /alert no application protocol/);
    assert.match(await client(`-ign_eof ${CLIENT}`), /names no protocol of coffer/);
  });

  test('the chain that the port shows is that of the identity, and openssl verify finds the root', async () => {
    const seen = await client(`-showcerts -alpn ${PROTOCOL.raft} ${CLIENT}`);
    const shown = seen.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    const [first] = shown;
    const own = ownCertificates();
    // OpenSSL sends the root along, which whoever looks has already.
    const known = new Set([...own, node.authority.certificate]);
    assert.ok(shown.length > 0 && shown.every((certificate) => known.has(certificate)));
    assert.ok(new X509Certificate(first ?? '').raw.equals(new X509Certificate(own[0] ?? '').raw));
    const trust = '-CAfile root.pem -no-CApath -no-CAstore -x509_strict';
    for (const purpose of ['sslserver', 'sslclient']) {
      const { code, stdout } = await openssl(`verify ${trust} -purpose ${purpose} own.pem`);
      assert.equal(`${code} ${stdout}`, '0 own.pem: OK\n');
    }
    const forCa = await openssl(`verify ${trust} -CAfile own.pem client.pem`);
    assert.notEqual(forCa.code, 0, 'a node’s certificate vouches for nobody');
  });

  test('during a rotation the shown chain leads to the old root and to the new one', async () => {
    const { certificate: old } = node.authority;
    await node.admin.rotateAuthority();
    await renewed();
    write('old.pem', old);
    write('new.pem', node.authority.certificate);
    const [own = '', ...others] = ownCertificates();
    write('own.pem', own);
    write('others.pem', others.join(''));
    assert.equal(others.length, 1);
    for (const root of ['old', 'new']) {
      const options = '-untrusted others.pem -purpose sslserver -x509_strict own.pem';
      const { code, stderr } = await openssl(`verify -CAfile ${root}.pem -no-CApath -no-CAstore ${options}`);
      assert.equal(code, 0, stderr);
      const trust = `-CAfile ${root}.pem -no-CApath -no-CAstore -verify_return_error`;
      const seen = await openssl(`s_client -connect ${node.address} ${trust} -alpn ${PROTOCOL.raft}`);
      assert.match(seen.stdout + seen.stderr, /Verif(ication: OK|y return code: 0)/, root);
    }
  });

  async function renewed(): Promise<void> {
    await waitFor(() => ownCertificates().length === 2, {
      what: 'the node to have a certificate of the new root',
    });
  }

  test('a certificate says in openssl x509 what coffer made it say', async () => {
    const [own = ''] = ownCertificates();
    write('own.pem', own);
    const { subject, notAfter_ms, serial } = describeCertificate(own);
    const { stdout: text } = await openssl('x509 -in own.pem -noout -text');
    assert.match(text, /Version: 3/);
    assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
    assert.match(text, /ASN1 OID: prime256v1/);
    assert.match(
      text,
      new RegExp(`Subject: O ?= ?${subject.clusterId}, OU ?= ?coffer-manager, CN ?= ?${node.id}`),
    );
    assert.match(text, /X509v3 Basic Constraints: critical\n\s+CA:FALSE/);
    assert.match(text, /X509v3 Key Usage: critical\n\s+Digital Signature\n/);
    assert.match(text, /TLS Web Client Authentication, TLS Web Server Authentication/);
    assert.match(
      text,
      new RegExp(`X509v3 Subject Alternative Name: ?(critical)?\\n\\s+DNS:${node.id}, DNS:coffer-manager\\n`),
    );
    const { stdout: facts } = await openssl('x509 -in own.pem -noout -serial -enddate');
    assert.equal(/serial=(\w+)/.exec(facts)?.[1]?.toLowerCase(), serial);
    assert.equal(Date.parse(/notAfter=(.+)/.exec(facts)?.[1] ?? ''), notAfter_ms);
    const life_ms = notAfter_ms - Date.now();
    assert.ok(life_ms > 89 * DAY_MS && life_ms <= 90 * DAY_MS);
    const identity = JSON.parse(readFileSync(node.identityFile, 'utf8')) as { readonly key: string };
    writeFileSync(path.join(files.path, 'key.der'), Buffer.from(identity.key, 'base64'), { mode: 0o600 });
    const ofKey = await openssl('pkey -inform DER -in key.der -pubout');
    const ofCertificate = await openssl('x509 -in own.pem -noout -pubkey');
    assert.equal(ofKey.stdout, ofCertificate.stdout);
  });
});
