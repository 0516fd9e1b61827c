// SPDX-License-Identifier: Apache-2.0
// Reads what a syslog receiver has got, by the grammar of RFC 5424 and the framing of RFC 6587 alone.

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly timestamp: string;
  readonly hostname: string;
  readonly appName: string;
  readonly processId: string;
  readonly messageId: string;
  /** MSG: what stands behind the structured data, of which there has to be none. */
  readonly text: string;
}

const HEADER =
  /^<(0|[1-9]\d{0,2})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) - (.*)$/s;

/** Throws for what is no message. */
export function parseSyslogMessage(bytes: Buffer): SyslogMessage {
  const match = HEADER.exec(bytes.toString('utf8'));
  if (match === null) {
    throw new Error(`no message of syslog: ${bytes.toString('utf8').slice(0, 200)}`);
  }
  const [, priority, timestamp = '', hostname = '', appName = '', processId = '', messageId = '', text = ''] =
    match;
  const number = Number(priority);
  return {
    facility: Math.floor(number / 8),
    severity: number % 8,
    timestamp,
    hostname,
    appName,
    processId,
    messageId,
    text,
  };
}

/** The messages of a stream with octet counting, and how many bytes they take up; one that has not come whole is left. */
export function readOctetCounted(stream: Buffer): {
  readonly messages: readonly Buffer[];
  readonly read_bytes: number;
} {
  const messages: Buffer[] = [];
  let at = 0;
  for (;;) {
    const space = stream.indexOf(' ', at);
    const length = stream.subarray(at, Math.max(at, space)).toString('latin1');
    if (space === -1 || space + 1 + Number(length) > stream.length) {
      return { messages, read_bytes: at };
    }
    if (!/^[1-9]\d{0,5}$/.test(length)) {
      throw new Error(`no length of a message: ${JSON.stringify(length.slice(0, 40))}`);
    }
    const end = space + 1 + Number(length);
    messages.push(stream.subarray(space + 1, end));
    at = end;
  }
}

/** Without those that came a second time, byte for byte. */
export function withoutRepeats(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}
