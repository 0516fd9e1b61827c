// SPDX-License-Identifier: Apache-2.0
// What the Docker Engine and its clients say: the gateway, the plugin protocol, and the engine's answers.
import { CofferError } from '../../../src/common/index.ts';
import { decodeContainers } from '../../../src/engine/container-model.ts';
import { decodeObjectEvent, decodeSecretEvent } from '../../../src/engine/event-model.ts';
import { decodeInfo, decodePluginName } from '../../../src/engine/info-model.ts';
import { linesOf } from '../../../src/engine/lines.ts';
import { decodeCreated, decodeSecret, decodeSecrets } from '../../../src/engine/secret-model.ts';
import { decodeRollingService, decodeRollingTasks } from '../../../src/engine/service-model.ts';
import { stdoutIn } from '../../../src/engine/stream-frames.ts';
import {
  decodeNodes,
  decodeServices,
  decodeServiceSpec,
  decodeTasks,
} from '../../../src/engine/swarm-model.ts';
import { classifyFirstBytes, FirstBytes } from '../../../src/gateway/first-bytes.ts';
import { decodeBase64, GoBase64Error } from '../../../src/gateway/go-base64.ts';
import { GoJsonError, hasMore, readJson } from '../../../src/gateway/go-json.ts';
import { readSpec, refuseSpec } from '../../../src/gateway/read-spec.ts';
import { isHijackCall, isServiceWrite, secretsRoute } from '../../../src/gateway/route.ts';
import { withWarnings } from '../../../src/gateway/warned-reply.ts';
import { valuesIn } from '../../../src/import/read-values.ts';
import { decodeSecretRequest } from '../../../src/plugin/secret-request.ts';
import { VOLUME_CALLS, VolumeDriver } from '../../../src/plugin/volume-driver.ts';
import { Refusals } from '../../../src/plugin/refusals.ts';
import type { VolumeService } from '../../../src/distribution/index.ts';
import { parseVolume } from '../../../src/distribution/volume-spec.ts';
import { CANARY, quotedPiece } from '../canary.ts';
import {
  BrokenPromise,
  chosen,
  chosenSeeds,
  codes,
  type FuzzTarget,
  jsonSeeds,
  ofText,
  textSeeds,
} from '../target.ts';

const SPEC = {
  Name: 'db',
  Labels: { tier: 'one' },
  Data: Buffer.from(CANARY).toString('base64'),
  Driver: { Name: 'coffer', Options: { a: 'b' } },
  Templating: null,
};
const JSON_TYPE = ['Content-Type', 'application/json'];
const SPEC_WORDS = [
  '"Name":',
  '"data":',
  '"Data":[',
  '"Labels":{',
  '"Driver":',
  '"DRIVER":',
  'null',
  '\\u0041',
  '[1,2,',
  '==',
];
const goErrors: FuzzTarget['refuses'] = (thrown) =>
  thrown instanceof GoJsonError || thrown instanceof GoBase64Error;

/** As it would be for both strict engines and older ones. */
function readSpecs(bytes: Buffer): void {
  for (const server of ['Docker/20.10.24 (linux)', 'Docker/28.0.0 (linux)']) {
    const engine = ['Server', server];
    const read = readSpec(Buffer.from(bytes), JSON_TYPE, engine);
    const refusal = read.kind === 'refused' ? read.reply : refuseSpec(read.spec, engine);
    if (read.kind === 'read') {
      read.spec.data?.wipe();
    }
    if (refusal !== undefined && quotedPiece(refusal.body.toString()) !== undefined) {
      throw new BrokenPromise('a refusal quotes the value');
    }
  }
}

/** Go's JSON and JavaScript's have the same grammar, but for how deep it may go. */
function readAsBoth(bytes: Buffer): void {
  let ours: unknown;
  let isDeep = false;
  try {
    const { end } = readJson(bytes);
    if (hasMore(bytes, end)) {
      return;
    }
  } catch (thrown) {
    ours = thrown;
    isDeep = thrown instanceof GoJsonError && thrown.message.includes('max depth');
  }
  if (isDeep) {
    return;
  }
  if ((ours === undefined) !== isJson(bytes)) {
    throw new BrokenPromise('JSON for one and none for the other');
  }
  if (ours instanceof Error) {
    throw ours;
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function decodeAsBoth(bytes: Buffer): void {
  const decoded = decodeBase64(bytes);
  if (!decoded.equals(Buffer.from(bytes.toString('latin1'), 'base64'))) {
    throw new BrokenPromise('Node decodes it to something else');
  }
}

function warn(bytes: Buffer): void {
  const warned = withWarnings(bytes, ['one "sentence"', 'another']);
  if (warned === undefined) {
    return;
  }
  const document: unknown = JSON.parse(warned.toString('utf8'));
  const warnings = Object.entries(document ?? {}).find(
    ([key]) => key.toLowerCase() === 'warnings',
  )?.[1] as unknown;
  if (!Array.isArray(warnings) || warnings.at(-1) !== 'another' || warnings.at(-2) !== 'one "sentence"') {
    throw new BrokenPromise('the warnings are not in the answer');
  }
}

function route(target: string): void {
  for (const method of ['GET', 'POST', 'DELETE', 'PUT']) {
    secretsRoute(method, target);
    isHijackCall(method, target);
    isServiceWrite(method, target);
  }
}

/** Whether they come at once or byte by byte, until it is told what they are. */
function classifyInPieces(bytes: Buffer): void {
  const first = new FirstBytes();
  const told = [...bytes].findIndex(
    (_, at) => first.push(Buffer.from(bytes.subarray(at, at + 1))) !== 'more',
  );
  const read = bytes.subarray(0, told === -1 ? bytes.length : told + 1);
  if (!first.bytes.equals(read)) {
    throw new BrokenPromise('other bytes than have come');
  }
  const isTold = classifyFirstBytes(read) !== 'more';
  const wasTold = read.length > 1 && classifyFirstBytes(read.subarray(0, -1)) !== 'more';
  if (isTold !== (told !== -1) || wasTold) {
    throw new BrokenPromise('told too late, or too early');
  }
}

const SECRET_REQUEST = {
  SecretName: 'db',
  SecretLabels: { 'coffer.generate': 'hex:32' },
  ServiceHostname: 'h',
  ServiceID: 'i',
  ServiceName: 'web',
  ServiceLabels: { a: 'b' },
  TaskID: 't',
  TaskName: 'web.1',
  TaskImage: 'redis',
  NodeID: 'n',
  ServiceEndpointSpec: {
    Mode: 1,
    Ports: [{ Name: '', Protocol: 1, TargetPort: 80, PublishedPort: 8080, PublishMode: 1 }],
  },
};

const volumes: VolumeService = {
  create: async (name, options) => void parseVolume(name, options),
  remove: async () => undefined,
  mount: async () => '/mountpoint',
  unmount: async () => undefined,
  get: () => undefined,
  usersOf: () => [],
  list: () => [],
};
const driver = new VolumeDriver({
  volumes,
  ready: async () => undefined,
  refusals: new Refusals(),
  logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  now_ms: () => 0,
});
const VOLUME_BODY = JSON.stringify({ Name: 'db', Opts: { secret: 'db' }, ID: 'abc' });

async function answerVolumeCall(call: (typeof VOLUME_CALLS)[number], body: Buffer): Promise<void> {
  const { reply } = await driver.answer(call, body);
  if (JSON.stringify(reply).includes('internal.')) {
    throw new BrokenPromise(`a failure of its own: ${JSON.stringify(reply).slice(0, 60)}`);
  }
}

const LABELS = { tier: 'one' };
const DECODERS = {
  containers: decodeContainers,
  info: decodeInfo,
  pluginName: decodePluginName,
  created: decodeCreated,
  secret: decodeSecret,
  secrets: decodeSecrets,
  rollingService: decodeRollingService,
  rollingTasks: decodeRollingTasks,
  nodes: decodeNodes,
  services: decodeServices,
  serviceSpec: decodeServiceSpec,
  tasks: decodeTasks,
  secretEvent: decodeSecretEvent,
  objectEvent: decodeObjectEvent,
} as const;

const MOUNT = {
  Type: 'volume',
  Source: 'v',
  Target: '/t',
  VolumeOptions: { DriverConfig: { Name: 'coffer', Options: { secret: 'db' } } },
};
const CONTAINER_SPEC = { Image: 'redis', Mounts: [MOUNT], Secrets: [{ SecretID: 's', SecretName: 'db' }] };
const SERVICE_SPEC = {
  Name: 'web',
  Labels: LABELS,
  TaskTemplate: { ContainerSpec: CONTAINER_SPEC, ForceUpdate: 2 },
  Mode: { Replicated: { Replicas: 2 } },
};
const SERVICE = {
  ID: 'i',
  Version: { Index: 7 },
  Spec: SERVICE_SPEC,
  UpdateStatus: { State: 'completed', StartedAt: '2026-01-01T00:00:00Z', Message: '' },
};
const TASK = {
  ID: 't',
  Slot: 1,
  ServiceID: 'i',
  NodeID: 'n',
  DesiredState: 'running',
  Status: { State: 'running', Err: '', Timestamp: '2026-01-01T00:00:00Z' },
  Spec: { ContainerSpec: CONTAINER_SPEC, ForceUpdate: 2 },
};
const SECRET = {
  ID: 's',
  Version: { Index: 11 },
  CreatedAt: '1970-01-01T00:00:00.000Z',
  Spec: { Name: 'db', Labels: LABELS, Driver: { Name: 'coffer' } },
};
const ANSWERS: Readonly<Record<keyof typeof DECODERS, unknown>> = {
  containers: [
    {
      Id: 'ab',
      Names: ['/one'],
      Image: 'redis',
      ImageID: 'sha256:ab',
      Labels: LABELS,
      State: 'running',
      Mounts: [{ Type: 'volume', Name: 'v' }],
    },
  ],
  info: {
    ServerVersion: '28',
    Swarm: {
      LocalNodeState: 'active',
      ControlAvailable: true,
      NodeID: 'n',
      RemoteManagers: [{ Addr: '1:2' }],
      Cluster: { ID: 'c' },
    },
  },
  pluginName: { Name: 'coffer' },
  created: { id: 'x' },
  secret: SECRET,
  secrets: [SECRET],
  rollingService: SERVICE,
  rollingTasks: [TASK],
  nodes: [
    {
      ID: 'n',
      Description: { Hostname: 'h' },
      ManagerStatus: { Leader: true },
      Spec: { Role: 'manager', Labels: LABELS },
    },
  ],
  services: [SERVICE],
  serviceSpec: SERVICE_SPEC,
  tasks: [TASK],
  secretEvent: { Type: 'secret', Action: 'create', Actor: { ID: 's', Attributes: { name: 'db' } } },
  objectEvent: { Type: 'container', Action: 'die', Actor: { ID: 's' } },
};

async function readLines(bytes: Buffer): Promise<void> {
  const pieces = [bytes.subarray(0, 7), bytes.subarray(7)];
  async function* chunks(): AsyncGenerator<Buffer> {
    yield* pieces;
  }
  const lines: string[] = [];
  for await (const line of linesOf(chunks(), 1_024)) {
    lines.push(line);
  }
  const all = bytes
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.join('\n') !== all.join('\n')) {
    throw new BrokenPromise('other lines than there are');
  }
}

function lengthPrefixed(...values: readonly string[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(value));
      return [length, Buffer.from(value)];
    }),
  );
}

function streamFrame(stream: number, content: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, Buffer.from(content)]);
}

export const engineTargets: readonly FuzzTarget[] = [
  {
    name: 'gateway/specs',
    seeds: jsonSeeds(SPEC, { Name: 'db', Data: [1, 2, 3] }, null),
    refuses: () => false,
    run: readSpecs,
    words: SPEC_WORDS,
  },
  {
    name: 'gateway/json',
    seeds: jsonSeeds(SPEC, [1, -2.5e7, true, 'é\n', {}], 'text'),
    refuses: goErrors,
    run: readAsBoth,
  },
  {
    name: 'gateway/base64',
    seeds: textSeeds(Buffer.from(CANARY).toString('base64'), 'QUI=', 'QQ==', 'QU\nJD'),
    refuses: goErrors,
    run: decodeAsBoth,
    words: ['=', '==', '\r\n', 'A'],
  },
  {
    name: 'gateway/warnings',
    seeds: textSeeds(
      '{"ID":"x","Warnings":["a"]}',
      '{"ID":"x"}',
      '{}',
      '{"warnings":null}',
      '{"Warnings":[ ]}',
    ),
    refuses: () => false,
    run: warn,
    words: ['"Warnings":', '"WARNINGS":[]', ','],
  },
  {
    name: 'gateway/routes',
    seeds: textSeeds(
      '/v1.41/secrets/abc/update?version=7',
      '/secrets/create',
      'http://docker/v1.41/secrets',
      '/v1.41/exec/abc/start',
      '/services/create',
    ),
    refuses: () => false,
    run: ofText(route),
    words: ['%2f', '%73', '/secrets', '//', '?', '#', '..'],
  },
  {
    name: 'gateway/first-bytes',
    seeds: textSeeds(
      'POST /v1.41/exec/abc/start HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
    ),
    refuses: () => false,
    run: classifyInPieces,
    words: ['\r\n\r\n', 'Upgrade:', 'POST '],
  },
  {
    name: 'plugin/secret-requests',
    seeds: jsonSeeds(SECRET_REQUEST, { SecretName: 'db' }),
    refuses: codes('request.invalid'),
    run: decodeSecretRequest,
  },
  {
    name: 'plugin/volume-calls',
    seeds: () =>
      VOLUME_CALLS.filter((call) => call !== 'Path' && call !== 'Get').map((call) =>
        Buffer.concat([Buffer.of(VOLUME_CALLS.indexOf(call)), Buffer.from(VOLUME_BODY)]),
      ),
    refuses: () => false,
    run: chosen(VOLUME_CALLS, answerVolumeCall),
  },
  {
    name: 'engine/answers',
    seeds: () => chosenSeeds(DECODERS, ANSWERS),
    refuses: (thrown) =>
      (thrown instanceof CofferError && thrown.code === 'engine.refused') || thrown instanceof SyntaxError,
    run: chosen(Object.values(DECODERS), (decode, bytes) => decode(JSON.parse(bytes.toString('utf8')))),
  },
  {
    name: 'engine/lines',
    seeds: textSeeds('{"a":1}\n\n{"b":2}\r\n{"c"', 'a\n'),
    refuses: codes('engine.refused'),
    run: readLines,
    words: ['\n', '\r\n'],
    memory_bytes: 256 * 1024,
  },
  {
    name: 'engine/streams',
    seeds: () => [Buffer.concat([streamFrame(1, 'out'), streamFrame(2, 'err'), streamFrame(1, 'more')])],
    refuses: () => false,
    run: stdoutIn,
  },
  {
    name: 'import/values',
    seeds: () => [lengthPrefixed(CANARY, 'two')],
    refuses: codes('import.refused'),
    run: (bytes) => valuesIn(bytes, 2).forEach((value) => value.wipe()),
  },
];
