// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Access, IDLE_MS, isFormOf, SESSION_MS, TOKEN_MS } from '../../../src/ui/access.ts';

describe('access to the web page', () => {
  function opened(): { access: Access; token: string; pass: (ms: number) => void } {
    let now_ms = 1_000;
    const { access, token } = Access.open(() => now_ms);
    return {
      access,
      token,
      pass: (ms) => {
        now_ms += ms;
      },
    };
  }

  test('a token has 256 bits, is good once, and every session has secrets of its own', () => {
    const { access, token } = opened();
    assert.equal(Buffer.from(token, 'base64url').length, 32);
    const signedIn = access.signIn(token);
    assert.ok(signedIn !== undefined);
    const { cookie, session } = signedIn;
    assert.equal(new Set([token, cookie, session.place, session.formToken]).size, 4);
    assert.equal(access.signIn(token), undefined, 'it was used');
    assert.equal(access.sessionOf(session.place, cookie, true), session);
    assert.equal(access.sessionOf(session.place, token, true), undefined);
    assert.equal(access.sessionOf('', cookie, true), undefined, 'another place');
    assert.equal(access.sessionOf(session.place, '', true), undefined);
    assert.ok(isFormOf(session, session.formToken));
    assert.ok(!isFormOf(session, ''));
  });

  test('a token that is not the one does not use up the one that is', () => {
    const { access, token } = opened();
    assert.equal(access.signIn(''), undefined);
    assert.equal(access.signIn(`${token}x`), undefined);
    assert.ok(access.signIn(token) !== undefined);
  });

  test('a token that comes after five minutes is too late', () => {
    const { access, pass, token } = opened();
    pass(TOKEN_MS - 1);
    assert.equal(access.end(), undefined);
    pass(1);
    assert.equal(access.signIn(token), undefined);
    assert.equal(access.end(), 'unused');
  });

  test('whoever tries tokens is slowed down', () => {
    const { access, pass, token } = opened();
    for (let tries = 0; tries < 10; tries += 1) {
      access.signIn('wrong');
    }
    assert.throws(() => access.signIn(token), { code: 'cluster.rate-limited' });
    pass(6_000);
    assert.ok(access.signIn(token) !== undefined);
  });

  test('a session that nobody uses ends after half an hour, and any after eight', () => {
    const idle = opened();
    const left = idle.access.signIn(idle.token);
    assert.ok(left !== undefined);
    idle.pass(IDLE_MS - 1);
    assert.ok(
      idle.access.sessionOf(left.session.place, left.cookie, false) !== undefined,
      'a page asks by itself',
    );
    idle.pass(1);
    assert.equal(idle.access.sessionOf(left.session.place, left.cookie, true), undefined);
    assert.equal(idle.access.end(), 'expired');

    const used = opened();
    const kept = used.access.signIn(used.token);
    assert.ok(kept !== undefined);
    const isOpen = (): boolean => used.access.sessionOf(kept.session.place, kept.cookie, true) !== undefined;
    let lasted_ms = 0;
    while (isOpen() && lasted_ms <= SESSION_MS) {
      used.pass(IDLE_MS / 2);
      lasted_ms += IDLE_MS / 2;
    }
    assert.equal(lasted_ms, SESSION_MS);
  });

  test('whoever signs out is out, for good', () => {
    const { access, token } = opened();
    const signedIn = access.signIn(token);
    assert.ok(signedIn !== undefined);
    access.signOut();
    assert.equal(access.sessionOf(signedIn.session.place, signedIn.cookie, true), undefined);
    assert.equal(access.signIn(token), undefined);
    assert.equal(access.end(), 'signed-out');
  });
});
