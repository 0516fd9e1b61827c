// SPDX-License-Identifier: Apache-2.0
// The settings of where notices are sent.
import { isIP } from 'node:net';
import path from 'node:path';
import type { SettingReader } from './setting-list.ts';

export interface WebhookSettings {
  /** COFFER_WEBHOOK_URL: https, or http to the loopback interface. */
  readonly url: URL;
  /** COFFER_WEBHOOK_TOKEN_FILE: what the messages are signed with. */
  readonly tokenFile: string;
}

/** Reads them; undefined: nothing is sent. Adds a sentence to `problems` for each that is wrong. */
export function readWebhookSettings(valueOf: SettingReader, problems: string[]): WebhookSettings | undefined {
  const text = valueOf('COFFER_WEBHOOK_URL');
  const tokenFile = valueOf('COFFER_WEBHOOK_TOKEN_FILE');
  if (text === undefined) {
    if (tokenFile !== undefined) {
      problems.push('COFFER_WEBHOOK_TOKEN_FILE is for COFFER_WEBHOOK_URL, which is not set');
    }
    return undefined;
  }
  const url = readUrl(text);
  if (url === undefined) {
    // Not the text: an address may hold a token.
    problems.push(
      'COFFER_WEBHOOK_URL is https://HOST/PATH, or http:// to this machine, without a name and a password',
    );
  }
  if (tokenFile === undefined || !path.isAbsolute(tokenFile)) {
    problems.push(
      'COFFER_WEBHOOK_TOKEN_FILE is the absolute path of a file with what the messages are signed with',
    );
    return undefined;
  }
  return url && { url, tokenFile };
}

function readUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === '' && url.password === '';
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  return isPlain && isSafe ? url : undefined;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}
