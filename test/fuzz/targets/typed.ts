// SPDX-License-Identifier: Apache-2.0
// What people write: labels, rules, settings, files of variables and of Compose, audit logs.
import { InvalidArgumentError } from 'commander';
import { decodeRecord, encodeRecord } from '../../../src/audit/record.ts';
import { parseSyslogAddress } from '../../../src/audit/syslog-address.ts';
import { ChainVerifier } from '../../../src/audit/verify.ts';
import { Chain, newChain } from '../../../src/audit/chain.ts';
import { CommandError } from '../../../src/cli/command-error.ts';
import { collectLabel } from '../../../src/cli/commands/options.ts';
import { readComposeFile } from '../../../src/cli/compose-file.ts';
import { contextHostIn, dockerConfigIn } from '../../../src/cli/docker-config.ts';
import { durationBetween } from '../../../src/cli/duration.ts';
import { readEnvFile } from '../../../src/cli/env-file.ts';
import { hookReply } from '../../../src/cli/hooks.ts';
import { withSecretVersion } from '../../../src/cli/secret-version.ts';
import { globMatches } from '../../../src/common/glob.ts';
import { formatDuration, parseDuration_ms } from '../../../src/common/duration.ts';
import { readSettings } from '../../../src/daemon/settings.ts';
import { checkGrant } from '../../../src/membership/grant-rules.ts';
import { imageIs } from '../../../src/membership/image-reference.ts';
import { checkPolicyRule } from '../../../src/membership/policy-check.ts';
import { certificatePart, certificateWish } from '../../../src/secrets/certificate-labels.ts';
import { expiryLabel } from '../../../src/secrets/expiry.ts';
import { generatedLabels, rotationLabels } from '../../../src/secrets/rotation-labels.ts';
import { checkLabels } from '../../../src/secrets/validate.ts';
import { aGrant, aRule } from '../../support/cluster-objects.ts';
import { CANARY } from '../canary.ts';
import { BrokenPromise, codes, type FuzzTarget, ofText, stable, textSeeds } from '../target.ts';

type Texts = Readonly<Record<string, string>>;

/** Of lines `key=value`. */
function textsOf(lines: string): Texts {
  return Object.fromEntries(
    lines.split('\n').map((line) => {
      const [key = '', ...rest] = line.split('=');
      return [key, rest.join('=')];
    }),
  );
}

function readLabels(lines: string): void {
  const labels = textsOf(lines);
  checkLabels(labels);
  certificateWish(labels);
  certificatePart(labels);
  rotationLabels(labels);
  expiryLabel(labels);
  generatedLabels(labels);
}

/** What docker reads is a line of JSON, or nothing. */
function answerHook(question: string): void {
  const reply = hookReply(question);
  if (reply !== '') {
    JSON.parse(reply);
  }
}

const LABEL_WORDS = [
  'coffer.generate=',
  'coffer.rotate=',
  'coffer.expires=',
  'coffer.cert.cn=',
  'coffer.cert.sans=',
  'coffer.cert.ttl=',
  'coffer.cert.usage=server,client',
  'coffer.part=',
  'coffer.keep=',
  'coffer.canary=',
  '30d',
  '2026-02-30',
  'hex:999999',
];

function checkRule(text: string): void {
  const given = textsOf(text);
  const { image = '', node = '', secret = 'db', service = '', stack = '', ...nodeLabels } = given;
  checkPolicyRule(aRule('one', { image, node, secret, service, stack, nodeLabels }));
  imageIs(image, { reference: 'docker.io/library/redis:8@sha256:ab', id: '' });
}

function checkGiven(text: string): void {
  const { container = '', image = '', secret = 'db', ...labels } = textsOf(text);
  checkGrant(aGrant('one', { container, image, secret, labels }));
  globMatches(container, 'web-1-web-2-web-3');
}

function readDuration(text: string): void {
  const duration_ms = parseDuration_ms(text);
  if (duration_ms !== undefined && parseDuration_ms(formatDuration(duration_ms)) !== duration_ms) {
    throw new BrokenPromise('a duration is written as another one');
  }
  durationBetween(0, Number.MAX_SAFE_INTEGER)(text);
}

const SETTINGS = [
  'COFFER_AUDIT=file,stdout,syslog',
  'COFFER_SYSLOG_ADDRESS=tcp+tls://[::1]:6514',
  'COFFER_LISTEN=0.0.0.0:7373',
  'COFFER_JOIN=10.0.0.1:7373,10.0.0.2',
  `COFFER_JOIN_TOKEN=coffer-1-m-${CANARY}`,
  'COFFER_METRICS=127.0.0.1:9000',
  'COFFER_CUT_OFF=24h',
  `COFFER_WEBHOOK_URL=https://example.org/${CANARY}`,
  'COFFER_WEBHOOK_TOKEN_FILE=/run/token',
].join('\n');

function settle(text: string): void {
  const { problem } = readSettings(textsOf(text));
  if (problem !== undefined && problem.code !== 'settings.invalid') {
    throw problem;
  }
}

function chainText(): string {
  const chain = new Chain(newChain());
  const fields = { secret: 'db', service: 'web', task: 't', version: 3, by: 'engine' };
  return (['start', 'put', 'deliver', 'refuse', 'stop'] as const)
    .map((event, place) => chain.append(event, 1_700_000_000_000 + place, 'node', fields).line)
    .join('\n');
}

function verify(text: string): void {
  const verifier = new ChainVerifier({ isWholeLog: true });
  text.split('\n').forEach((line) => verifier.add(line));
  const { records } = verifier.finish();
  for (const record of text.split('\n').map(decodeRecord)) {
    const again = record === undefined ? undefined : decodeRecord(encodeRecord(record));
    if (record !== undefined && (again === undefined || encodeRecord(again) !== encodeRecord(record))) {
      throw new BrokenPromise('a record is written as another one');
    }
  }
  if (records > text.split('\n').length) {
    throw new BrokenPromise('there are more records than lines');
  }
}

const COMPOSE = [
  'secrets:',
  '  db:',
  '    file: ./db.txt',
  '  web: &anchor',
  '    environment: WEB',
  '  tls:',
  '    <<: *anchor',
  '    external: true',
  '    name: shop_tls',
  '',
].join('\n');

const typed = (thrown: unknown): boolean =>
  thrown instanceof CommandError || thrown instanceof InvalidArgumentError;

export const typedTargets: readonly FuzzTarget[] = [
  {
    name: 'secrets/labels',
    seeds: textSeeds(
      'tier=one\ncoffer.generate=password:24\ncoffer.rotate=30d\ncoffer.expires=90d\ncoffer.keep=3',
      'coffer.expires=2027-01-01T00:00:00Z\ncoffer.canary=true',
    ),
    refuses: codes('secret.label-invalid'),
    run: ofText(readLabels),
    words: LABEL_WORDS,
  },
  {
    name: 'membership/rules',
    seeds: textSeeds('secret=db-*\nservice=shop_?eb\nstack=shop\nimage=redis:8\nnode=web-1\nzone=eu'),
    refuses: codes('policy.invalid'),
    run: ofText(checkRule),
    words: ['secret=', 'image=sha256:', '@sha256:', '*', '?', '/'],
  },
  {
    name: 'membership/grants',
    seeds: textSeeds('secret=db\ncontainer=web-*\nimage=redis:8\ntier=one'),
    refuses: codes('grant.invalid'),
    run: ofText(checkGiven),
    words: ['container=', '*?*?*?', 'image=sha256:'],
  },
  {
    name: 'common/durations',
    seeds: textSeeds('90m', '1h30m', '1.5h', '30d', '7ms'),
    refuses: typed,
    run: ofText(readDuration),
    words: ['90m', '1h30m', '1.5h', '30d', 'ms', '0.000000001', '999999999999999'],
  },
  {
    name: 'daemon/settings',
    seeds: textSeeds(SETTINGS),
    refuses: codes('settings.invalid'),
    run: ofText(settle),
    words: SETTINGS.split('\n').map((line) => `${line.split('=')[0] ?? ''}=`),
  },
  {
    name: 'audit/lines',
    seeds: () => [Buffer.from(chainText())],
    refuses: () => false,
    run: ofText(verify),
    words: ['"seq":', '"prev":', '"event":"rotate-file"', '"from":', '"at":"'],
  },
  {
    name: 'audit/syslog-addresses',
    seeds: textSeeds('udp://10.0.0.1:514', 'tcp+tls://[::1]:6514', 'unix:///dev/log'),
    refuses: codes('settings.invalid'),
    run: ofText(parseSyslogAddress),
    words: ['://', 'tcp', 'unixgram', '[', ']'],
  },
  {
    name: 'cli/env-files',
    seeds: textSeeds(
      `A=1\nexport B='${CANARY}'\n# a comment\nC="two\\nlines ${CANARY}" # more\nD=bare value\n`,
    ),
    refuses: typed,
    run: (bytes) => readEnvFile(bytes).forEach(({ value }) => value.fill(0)),
    words: ['export ', '=', "'", '"', '\\"', '$', '${', '#', '\n', '\r'],
    memory_bytes: 256 * 1024,
  },
  {
    name: 'cli/compose-files',
    seeds: textSeeds(COMPOSE),
    refuses: typed,
    run: ofText(readComposeFile),
    words: [
      'secrets:',
      '<<: *anchor',
      '&a [*a, *a]',
      '!!binary',
      '!!js/function',
      '? ',
      '---\n',
      '%YAML 1.1',
      '{',
      '|',
    ],
    cost: 20,
    size_bytes_max: 4 * 1024,
  },
  {
    name: 'cli/docker-config',
    seeds: textSeeds(
      JSON.stringify({ auths: { 'registry:5000': { auth: CANARY } }, currentContext: 'coffer', plugins: {} }),
      '',
      '{}',
    ),
    refuses: (thrown) => thrown instanceof CommandError,
    run: stable(
      (bytes) => dockerConfigIn(bytes.toString('utf8'), 'config.json'),
      (config) => Buffer.from(JSON.stringify(config, undefined, '\t')),
    ),
    words: ['"currentContext":', '"auths":{', '"credsStore":', '{}'],
  },
  {
    name: 'cli/docker-contexts',
    seeds: textSeeds(
      '{"Name":"coffer","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/coffer/docker.sock","SkipTLSVerify":false}}}',
      '{"Name":"x","Endpoints":{}}',
    ),
    refuses: () => false,
    run: ofText(contextHostIn),
    words: ['"Endpoints":', '"docker":', '"Host":', 'null'],
  },
  {
    name: 'cli/docker-hooks',
    seeds: textSeeds(
      '{"RootCmd":"service create","Flags":{"name":"","secret":""},"CommandError":"secret not found"}',
      '{"RootCmd":"docker stack deploy","CommandError":"x"}',
    ),
    refuses: () => false,
    run: ofText(answerHook),
    words: ['service update', 'stack deploy', '"Flags":', 'Usage:', 'requires ', 'unknown'],
  },
  {
    name: 'cli/words',
    seeds: textSeeds('get\n--version\n3', '--socket\n/run\nbackup-get\n--version=3', 'a=b'),
    refuses: typed,
    run: ofText((text) => {
      withSecretVersion(text.split('\n'));
      text.split('\n').reduce<Texts>((labels, line) => collectLabel(line, labels), {});
    }),
    words: ['--version', '='],
  },
];
