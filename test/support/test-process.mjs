// SPDX-License-Identifier: Apache-2.0
// One test process: starts it, bounds its time and what it prints, and sees to it that nothing outlives it.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const reporter = path.join(import.meta.dirname, 'reporter.mjs');
/** What is kept of a process's own output, to be shown when it fails. */
const output_bytes_max = 256 * 1024;
/** How long an interrupted test may take to end its engines before it is killed. */
const ending_ms = 20_000;
/** What a test has killed may take a while to be gone on a busy machine. */
const lingering_ms = 10_000;

const running = new Set();

/** The environment of a test: nothing of the person's own Docker or coffer settings gets in; where histories go does, and `own`. */
function testEnvironment(own) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(COFFER_(?!HISTORY$)|DOCKER_|TEST_ENGINE|NODE_OPTIONS$|FORCE_COLOR$)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1', NODE_ENV: 'test', ...own };
}

function groupExists(groupId) {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch {
    return false;
  }
}

function signalGroup(groupId, signal) {
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
}

/** Waits for the group to be empty; false when it is not within the time. */
async function groupEnds(groupId, limit_ms) {
  const deadline = performance.now() + limit_ms;
  while (groupExists(groupId)) {
    if (performance.now() > deadline) {
      return false;
    }
    await delay(20);
  }
  return true;
}

async function endGroup(groupId) {
  signalGroup(groupId, 'SIGTERM');
  if (!(await groupEnds(groupId, ending_ms))) {
    signalGroup(groupId, 'SIGKILL');
  }
}

/** Ends every test process that runs, letting each clean up first. */
export async function endRunningTests() {
  await Promise.all([...running].map((groupId) => endGroup(groupId)));
}

/**
 * Runs one bundle of tests. Resolves, when the process and all it started have ended, to
 * `{ problems, output }`: what went wrong beside the tests themselves, and the end of what was printed.
 */
export async function runTestProcess({ bundle, timeLimit_ms, cwd, env, onEvent }) {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', bundle],
    {
      cwd,
      env: testEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      detached: true,
    },
  );
  running.add(child.pid);
  const problems = [];
  let failures = 0;
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk.toString('utf8')).slice(-output_bytes_max);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('message', (event) => {
    failures += event.type === 'test:fail' ? 1 : 0;
    onEvent(event);
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void endGroup(child.pid);
  }, timeLimit_ms);
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
  });
  clearTimeout(timer);
  if (timedOut) {
    problems.push(`not done within ${timeLimit_ms / 1000} s (a test that hangs, or something left open)`);
  } else if (signal !== null) {
    problems.push(`the test process was ended by ${signal}`);
  } else if (code !== 0 && failures === 0) {
    problems.push(`the test process exited with code ${code}, though no test failed`);
  }
  if (!(await groupEnds(child.pid, lingering_ms))) {
    problems.push('processes were left running (they are ended now)');
    await endGroup(child.pid);
  }
  running.delete(child.pid);
  return { problems, output };
}
