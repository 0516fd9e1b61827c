// SPDX-License-Identifier: Apache-2.0
// What the tests with namespaces need of the machine: those of clusters, and the live ones, which need engines as well.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const clusterPrograms = [
  { name: 'ip', package: 'iproute2' },
  { name: 'tc', package: 'iproute2' },
  { name: 'iptables-restore', package: 'iptables' },
  { name: 'perl', package: 'perl' },
  { name: 'jq', package: 'jq' },
  { name: 'nsenter', package: 'util-linux' },
  { name: 'unshare', package: 'util-linux' },
  { name: 'setpriv', package: 'util-linux' },
];

const livePrograms = [
  { name: 'dockerd', package: 'docker.io' },
  { name: 'docker', package: 'docker.io' },
  { name: 'busybox', package: 'busybox-static' },
  { name: 'docker-registry', package: 'docker-registry' },
  { name: 'docker-compose', package: 'docker-compose' },
  ...clusterPrograms,
];

/** Of Debian's own Python: another one in the path does not see its packages. */
const pythonModules = [{ name: 'docker', package: 'python3-docker' }];

function isImportable(module) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status === 0;
}

function onPath(program) {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One sentence that says what hinders the live tests here, or undefined when they can run. */
export function whyLiveTestsCannotRun() {
  const missing = pythonModules.filter(({ name }) => !isImportable(name));
  return (
    obstacle(livePrograms) ??
    notFound(missing.map((module) => ({ ...module, name: `Python's ${module.name}` })))
  );
}

/** The same for the tests of clusters, which need no engine. */
export function whyClusterTestsCannotRun() {
  return obstacle(clusterPrograms);
}

function obstacle(programs) {
  if (process.platform !== 'linux') {
    return 'hosts made of namespaces need Linux';
  }
  if (process.getuid() !== 0) {
    return 'hosts made of namespaces need root';
  }
  const missing = programs.filter(({ name }) => !onPath(name));
  if (missing.length > 0) {
    return notFound(missing);
  }
  const box = spawnSync('unshare', ['--mount', '--net', '--pid', '--uts', '--fork', '--mount-proc', 'true'], {
    encoding: 'utf8',
  });
  if (box.status !== 0) {
    return `this machine does not allow new namespaces: ${(box.stderr ?? '').trim()}`;
  }
  return undefined;
}

function notFound(missing) {
  const packages = [...new Set(missing.map((one) => one.package))].join(' ');
  return missing.length === 0
    ? undefined
    : `${missing.map(({ name }) => name).join(', ')} not found (Debian packages: ${packages})`;
}
