// SPDX-License-Identifier: Apache-2.0
// The one image of the live tests, made of this machine's busybox: nothing can be pulled.
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryDirectory } from './cleanup.ts';
import { runCommand, tryCommand } from './command.ts';

/** A loopback registry in the name: looking for it there fails at once, not after 20 s. */
export const TEST_IMAGE = 'localhost:5000/bb';

/** The program's shared libraries; none for busybox-static. */
async function sharedLibraries(program: string): Promise<readonly string[]> {
  const { code, stdout } = await tryCommand(['ldd', program]);
  return code === 0 ? [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '') : [];
}

/** A root file system with busybox under all its names, as a tar archive. */
export async function busyboxArchive(): Promise<Buffer> {
  const root = temporaryDirectory();
  try {
    const program = (await runCommand(['sh', '-c', 'command -v busybox'])).stdout.trim();
    for (const directory of ['bin', 'tmp', 'etc', 'run']) {
      mkdirSync(path.join(root.path, directory));
    }
    copyFileSync(program, path.join(root.path, 'bin', 'busybox'));
    for (const library of await sharedLibraries(program)) {
      mkdirSync(path.join(root.path, path.dirname(library)), { recursive: true });
      copyFileSync(library, path.join(root.path, library));
    }
    // So that `ls -l` has names to show.
    writeFileSync(path.join(root.path, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n');
    writeFileSync(path.join(root.path, 'etc', 'group'), 'root:x:0:\n');
    const applets = (await runCommand([program, '--list'])).stdout.trim().split('\n');
    for (const applet of applets.filter((name) => name !== 'busybox')) {
      symlinkSync('busybox', path.join(root.path, 'bin', applet));
    }
    return (await runCommand(['tar', '-C', root.path, '-c', '.'])).stdoutBytes;
  } finally {
    root.remove();
  }
}
