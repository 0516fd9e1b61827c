// SPDX-License-Identifier: Apache-2.0
// Runs the tests: bundles them as the programs are bundled, gives each bundle a process of its own, shows
// what happens as it happens, and ends with the line "N passed, N failed".
//
//   node test/run.mjs [OPTIONS] [FILTER...]     a filter is a suite's name or a part of a path
//
//   --require-live     live tests that cannot run here are a failure
//   --engine VERSION   live tests start the Docker Engine of that version, of another Debian (test/support/debian-engines.mjs)
//   --results FILE     writes what came of it to FILE too, as JSON
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { copyAddon, testBundleOptions } from '../build.mjs';
import { unpackEngine } from './support/debian-engines.mjs';
import { whyClusterTestsCannotRun, whyLiveTestsCannotRun } from './support/live-requirements.mjs';
import { Results } from './support/results.mjs';
import { endRunningTests, runTestProcess } from './support/test-process.mjs';

const root = path.dirname(import.meta.dirname);
const output = path.join(root, 'build', 'test');

/** A live test may have three engines with three daemons, for which a machine with many processors need not have the memory. */
const WIDTH_MAX = 8;

/**
 * The suites, in the order they begin. A unit test costs less than a process (some 100 ms on Node 20), so one process runs all
 * files of a room, but for those in `own`; elsewhere each file has its own. What `waits` for elections and timers half of the time
 * runs beside what does not (see `Pool`). Engines too: each has a host box of its own, so that two of them meet nowhere.
 * What measures time runs alone, after all others. Those that take long come first. Two `large` ones, which
 * have three engines each, want more of two processors at once than an election has patience: see `Pool` for how many there are.
 */
const suites = [
  {
    name: 'unit',
    perRoom: true,
    own: ['store/every-byte', 'store/kill', 'cluster/rebuild'],
    first: ['store-every-byte', 'cluster', 'store', 'store-kill', 'cluster-rebuild'],
    waits: ['cluster', 'cluster-rebuild'],
    timeLimit_s: 900,
  },
  { name: 'sim', perRoom: false, waits: [], timeLimit_s: 900 },
  {
    name: 'cluster',
    perRoom: false,
    first: [
      'hostile-floods',
      'operations',
      'force-new-cluster',
      'rebuild',
      'key-rotations',
      'rebuild-first',
      'pages',
      'leave',
      'expired-certificates',
      'autolock',
      'purge',
      'moving-clocks',
    ],
    alone: ['leader-killed', 'partition', 'wedged'],
    waits: 'all',
    timeLimit_s: 900,
    obstacle: whyClusterTestsCannotRun,
  },
  {
    name: 'live',
    perRoom: false,
    first: [
      'secrets-process',
      'cluster-plugin',
      'secrets-plugin',
      'cluster',
      'pages',
      'rotation-of-three',
      'volumes-swarm',
      'crash',
      'volumes-plugin',
      'volumes',
      'swarm-of-three',
      'damage',
      'peer-unlock',
      'managed-plugin',
      'gateway-streams',
      'clients',
      'audit',
      'cluster-install',
      'volumes-manual',
    ],
    large: [
      'cluster-plugin',
      'cluster',
      'rotation-of-three',
      'volumes-swarm',
      'swarm-of-three',
      'peer-unlock',
      'cluster-install',
    ],
    waits: 'all',
    timeLimit_s: 900,
    obstacle: whyLiveTestsCannotRun,
  },
];

/** The suite's test files that the filters let through, as paths from the root. */
function testFiles(suite, filters) {
  const directory = path.join('test', suite.name);
  let entries;
  try {
    entries = readdirSync(path.join(root, directory), { recursive: true });
  } catch (error) {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw error;
  }
  return entries
    .filter((entry) => entry.endsWith('.test.ts'))
    .map((entry) => path.join(directory, entry))
    .filter(
      (file) => filters.length === 0 || filters.some((word) => word === suite.name || file.includes(word)),
    )
    .sort();
}

/** Groups files into bundles: one for each room, or one for each file. Those of the suite's list `first` come first, in its order. */
function bundlesOf(suite, files) {
  const bundles = new Map();
  for (const file of files) {
    const inSuite = path.relative(path.join('test', suite.name), file).replace(/\.test\.ts$/, '');
    const room = path.dirname(inSuite) === '.' ? 'top' : inSuite.split(path.sep)[0];
    const sharesProcess = suite.perRoom && !suite.own.includes(inSuite);
    const name = sharesProcess ? room : inSuite.replaceAll(path.sep, '-');
    bundles.set(name, [...(bundles.get(name) ?? []), file]);
  }
  const { first = [] } = suite;
  const rank = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
  return [...bundles]
    .sort(([one], [other]) => rank(one) - rank(other))
    .map(([name, list]) => ({
      suite,
      title: suite.perRoom ? `${suite.name}/${name}` : list[0],
      files: list,
      name,
      isLarge: suite.large?.includes(name) === true,
      waits: suite.waits === 'all' || suite.waits.includes(name),
      path: path.join(output, suite.name, `${name}.cjs`),
    }));
}

/** An entry that loads each file inside a `describe`, so that a file's hooks stay its own. */
function entryOf(bundle) {
  const lines = bundle.files.map((file) => {
    const load = `require(${JSON.stringify(`./${file}`)})`;
    return bundle.suite.perRoom ? `describe(${JSON.stringify(file)}, () => { ${load}; });` : `${load};`;
  });
  return `const { describe } = require('node:test');\n${lines.join('\n')}\n`;
}

/** The entries of bundles, which are in no file. */
function madeEntries(bundles) {
  const contents = new Map(bundles.map((bundle) => [bundle.name, entryOf(bundle)]));
  return {
    name: 'made-entries',
    setup(bundler) {
      bundler.onResolve({ filter: /^made:/ }, ({ path: name }) => ({
        path: name.slice('made:'.length),
        namespace: 'made',
      }));
      bundler.onLoad({ filter: /.*/, namespace: 'made' }, ({ path: name }) => ({
        contents: contents.get(name),
        resolveDir: root,
        loader: 'js',
      }));
    },
  };
}

/** In one go, so that what many bundles have in common is read once: a third of the time. */
async function writeBundles(suite, bundles) {
  const directory = path.join(output, suite.name);
  await build({
    ...testBundleOptions,
    plugins: [...testBundleOptions.plugins, madeEntries(bundles)],
    entryPoints: Object.fromEntries(bundles.map(({ name }) => [name, `made:${name}`])),
    outdir: directory,
    outExtension: { '.js': '.cjs' },
    absWorkingDir: root,
  });
  copyAddon(directory);
}

/** Runs a bundle; its output is shown in one piece at its end, or as it comes where nothing else runs. */
async function runBundle(bundle, isByItself, results) {
  const section = results.section(bundle.title, isByItself);
  const outcome = await runTestProcess({
    bundle: bundle.path,
    timeLimit_ms: bundle.suite.timeLimit_s * 1000,
    cwd: root,
    env: engine,
    onEvent: (event) => section.event(event),
  });
  section.end(outcome);
}

/**
 * Runs bundles from two queues, each in its order. Those that keep a processor busy have half of the processors for as long as
 * there are others that wait, and then all of them; those that wait have the rest, and one place more than there are
 * processors. So no processor idles while tests only wait, nor at the end of each suite.
 */
class Pool {
  #busy;
  #waiting;
  #run;
  #processors = Math.min(availableParallelism(), WIDTH_MAX - 1);
  #running = new Map();

  constructor(bundles, run) {
    this.#busy = bundles.filter(({ waits }) => !waits);
    this.#waiting = bundles.filter(({ waits }) => waits);
    this.#run = run;
  }

  async finish() {
    for (;;) {
      for (let next = this.#next(); next !== undefined && !interrupted; next = this.#next()) {
        this.#start(next);
      }
      if (this.#running.size === 0) {
        return;
      }
      await Promise.race(this.#running.values());
    }
  }

  #next() {
    const busy = [...this.#running.keys()].filter(({ waits }) => !waits).length;
    const waiting = this.#running.size - busy;
    const othersWait = waiting > 0 || this.#waiting.length > 0;
    const busyMax = othersWait ? Math.ceil(this.#processors / 2) : this.#processors;
    if (this.#busy.length > 0 && busy < busyMax) {
      return this.#busy.shift();
    }
    return this.#running.size < this.#processors + 1 ? this.#nextThatWaits() : undefined;
  }

  /** There is a large one for each two processors for as long as there are any, and never one more. */
  #nextThatWaits() {
    const large = [...this.#running.keys()].filter(({ isLarge }) => isLarge).length;
    const largeIndex = this.#waiting.findIndex(({ isLarge }) => isLarge);
    const isLargeNext = large < Math.ceil(this.#processors / 2) && largeIndex >= 0;
    const index = isLargeNext ? largeIndex : this.#waiting.findIndex(({ isLarge }) => !isLarge);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #start(bundle) {
    this.#running.set(
      bundle,
      this.#run(bundle).finally(() => this.#running.delete(bundle)),
    );
  }
}

/** Then no further test process is started. */
let interrupted = false;
const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    'require-live': { type: 'boolean', default: process.env.CI === 'true' },
    engine: { type: 'string' },
    results: { type: 'string' },
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted = true;
    process.stdout.write(`\n${signal}: ending the tests that run\n`);
    void endRunningTests().then(() => process.exit(130));
  });
}

/** What tells the tests which engine to start (test/support/engine-choice.ts). */
async function engineEnvironment(version) {
  if (version === undefined) {
    return {};
  }
  try {
    const root = await unpackEngine(version, (line) => process.stdout.write(`${line}\n`));
    return { TEST_ENGINE: version, TEST_ENGINE_ROOT: root };
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

const engine = await engineEnvironment(options.engine);
const results = new Results(process.stdout);
let found = 0;
const bundles = [];
for (const suite of suites) {
  const files = testFiles(suite, filters);
  found += files.length;
  if (files.length === 0) {
    continue;
  }
  const obstacle = suite.obstacle?.();
  if (obstacle !== undefined) {
    results.skipFiles(
      `${suite.name} tests skipped (${files.length} files): ${obstacle}`,
      files.length,
      options['require-live'],
    );
    continue;
  }
  const ofSuite = bundlesOf(suite, files);
  await writeBundles(suite, ofSuite);
  bundles.push(...ofSuite);
}
const isAlone = ({ name, suite }) => suite.alone?.includes(name) === true;
await new Pool(
  bundles.filter((bundle) => !isAlone(bundle)),
  (bundle) => runBundle(bundle, bundles.length === 1, results),
).finish();
for (const bundle of bundles.filter(isAlone)) {
  if (!interrupted) {
    await runBundle(bundle, true, results);
  }
}
if (found === 0) {
  results.fail(`no test file matches ${filters.length === 0 ? 'test/*/**/*.test.ts' : filters.join(' ')}`);
}
process.exitCode = results.finish() ? 0 : 1;
if (options.results !== undefined) {
  writeFileSync(options.results, `${JSON.stringify(results.summary(), null, 2)}\n`);
}
