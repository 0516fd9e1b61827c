// SPDX-License-Identifier: Apache-2.0
// Pictures of the web page, in docs/images/: of three managers, whose engine is played.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Browser, whyNoBrowser } from '../support/browser.ts';
import type { BrowserTab } from '../support/browser-tab.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { Network } from '../support/network.ts';
import { projectRoot } from '../support/project.ts';
import { UpdatingSwarm } from '../support/updating-swarm.ts';
import { WebPage } from '../support/web-page.ts';

const WIDE = [1_280, 860] as const;
const NARROW = [400, 860] as const;
const SECRETS = ['api_token', 'mail_password', 'session_key', 'tls_key', 'webhook_secret'] as const;

async function fill(manager: ManagerProcess, swarm: UpdatingSwarm): Promise<void> {
  for (const name of SECRETS) {
    await manager.cli(['put', name, '--generate', 'hex:32', '--label', 'env=prod']);
  }
  await manager.cli(['put', 'partner_key', '--generate', 'hex:32', '--label', 'coffer.expires=10d']);
  const labels = ['--label', 'coffer.rotate=30d', '--label', 'coffer.generate=password:24'];
  await manager.cli(['put', 'db_password', '--generate', 'password:24', ...labels]);
  swarm.engine.addSecret('db_password', 'coffer');
  swarm.engine.addSecret('tls_key', 'coffer');
  await swarm.addService('web', 'db_password', 4);
  await swarm.addService('reports', 'db_password', 2);
  await swarm.addService('proxy', 'tls_key', 3);
  await manager.cli(['put', 'db_password', '--generate', 'password:24']);
  await swarm.addService('api', 'db_password', 2);
}

async function take(tab: BrowserTab, manager: ManagerProcess, swarm: UpdatingSwarm): Promise<void> {
  const directory = path.join(projectRoot(), 'docs', 'images');
  mkdirSync(directory, { recursive: true });
  const picture = async (name: string): Promise<void> => {
    await tab.screenshot(path.join(directory, `web-page-${name}.png`));
    process.stdout.write(`docs/images/web-page-${name}.png\n`);
  };
  const place = async (page: string, heading: string): Promise<void> => {
    await tab.goto(new URL(page, await tab.evaluate<string>('location.href')).href);
    await tab.heading(heading);
  };
  await picture('cluster');
  await place('secrets', 'Secrets');
  await picture('secrets');
  await place('secret?name=db_password', 'db_password');
  await picture('secret');
  await place('audit?verify=1', 'Audit trail');
  await picture('audit');
  swarm.hold();
  await manager.cli(['rotate', 'db_password', '--generate', 'password:24', '--detach']);
  await place('rotations', 'Rotations');
  await tab.evaluate(`document.querySelector('td a').click()`);
  await tab.heading('Rotation of db_password');
  await tab.until(`document.body.innerText.includes('is being updated')`, 'the rotation to be under way');
  // The first service is let go, and the next one held.
  swarm.letGo();
  swarm.hold();
  await tab.until(`document.querySelector('[data-count]').textContent === '1 of 3'`, 'the first service');
  await tab.until(`document.body.innerText.includes('is being updated')`, 'the second service');
  await picture('rotation');
  swarm.letGo();
  await tab.until(`document.querySelector('[data-outcome]').dataset.level === 'ok'`, 'its end');
  await tab.resize(...NARROW);
  await tab.dark(true);
  await place('secret?name=db_password', 'db_password');
  await picture('narrow-dark');
}

async function main(): Promise<void> {
  const obstacle = whyNoBrowser();
  if (obstacle !== undefined) {
    throw new Error(obstacle);
  }
  const swarm = await UpdatingSwarm.start(6);
  const env = { COFFER_ENGINE_SOCKET: swarm.engine.socketPath, COFFER_DRIVER: 'coffer' };
  const network = await Network.create();
  const cluster = await ManagerCluster.start({ size: 3, network, common: { env } });
  const browser = await Browser.start();
  try {
    const manager = await cluster.leader();
    swarm.pluginSocket = manager.pluginSocket;
    await fill(manager, swarm);
    const page = await WebPage.start(manager.controlSocket);
    const tab = await browser.tab(...WIDE);
    await tab.goto(page.link);
    await tab.heading('Cluster');
    await take(tab, manager, swarm);
    await page.interrupt();
  } finally {
    await browser.stop();
    await cluster.destroy();
    await network.destroy();
    await swarm.remove();
  }
}

void main();
