// SPDX-License-Identifier: Apache-2.0
// Somebody who takes the notices of managers.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { temporaryDirectory, type TemporaryDirectory } from './cleanup.ts';

export type ReceivedNotice = Readonly<Record<string, unknown>>;

export class NoticeReceiver {
  readonly #directory: TemporaryDirectory;
  readonly #server: Server;
  readonly #notices: ReceivedNotice[] = [];

  private constructor() {
    this.#directory = temporaryDirectory();
    this.#server = createServer((request, response) => {
      void readText(request).then((body) => {
        this.#notices.push(JSON.parse(body) as ReceivedNotice);
        response.end();
      });
    });
  }

  static async start(): Promise<NoticeReceiver> {
    const receiver = new NoticeReceiver();
    writeFileSync(receiver.#tokenFile, 'a token', { mode: 0o600 });
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening');
    return receiver;
  }

  get #tokenFile(): string {
    return path.join(this.#directory.path, 'token');
  }

  /** The settings of a manager that sends to it. */
  get env(): Readonly<Record<string, string>> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      COFFER_WEBHOOK_URL: `http://127.0.0.1:${port}/`,
      COFFER_WEBHOOK_TOKEN_FILE: this.#tokenFile,
    };
  }

  /** In the order in which they came. */
  noticesOf(event: string): readonly ReceivedNotice[] {
    return this.#notices.filter((notice) => notice['event'] === event);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#directory.remove();
  }
}
