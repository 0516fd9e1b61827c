// SPDX-License-Identifier: Apache-2.0
// Opens a link in the browser of whoever sits at this machine.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Environment } from './io.ts';

/** Whether there is a screen. */
export function hasScreen(env: Environment, platform: NodeJS.Platform): boolean {
  return platform === 'darwin' || [env['DISPLAY'], env['WAYLAND_DISPLAY']].some((name = '') => name !== '');
}

/** Starts the browser with a file, and does not wait for it. That there is none is no error: the link is printed as well. */
export function startBrowser(file: string, platform: NodeJS.Platform): void {
  const child = spawn(platform === 'darwin' ? 'open' : 'xdg-open', [file], {
    stdio: 'ignore',
    detached: true,
  });
  child.on('error', () => undefined);
  child.unref();
}

/**
 * Has `start` open a file that leads to `link`. Everybody can read the words of a process, so the link is none of them: the file is this
 * user's alone. Returns what removes it.
 */
export function openInBrowser(link: string, env: Environment, start: (file: string) => void): () => void {
  const directory = mkdtempSync(path.join(env['XDG_RUNTIME_DIR'] ?? tmpdir(), 'coffer-ui-'));
  chmodSync(directory, 0o700);
  const file = path.join(directory, 'open.html');
  const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${link}"><title>coffer</title>\n`;
  writeFileSync(file, page, { mode: 0o600 });
  start(file);
  return () => rmSync(directory, { recursive: true, force: true });
}
