// SPDX-License-Identifier: Apache-2.0
export { formatAddress, parseAddress, type HostAndPort } from './address.ts';
export { callOnce } from './call-once.ts';
export type { Channel, ChannelEvents } from './channel.ts';
export { channelHandler, type ChannelHandlerOptions } from './channel-handler.ts';
export { systemClock, type Clock, type Timer } from './clock.ts';
export { CredentialsSource, type TlsCredentials } from './credentials.ts';
export { FRAME, FrameDecoder, type FrameType } from './frame.ts';
export { type Urgency, ZEROS_BEHIND_BYTES_MAX } from './frame-writer.ts';
export { LimitedLog } from './limited-log.ts';
export { Listener, type ListenerOptions } from './listener.ts';
export { messageHandler } from './message-handler.ts';
export { MessageLink, type MessageLinkOptions } from './message-link.ts';
export { openChannel, type OpenChannelOptions } from './open-channel.ts';
export {
  identityMismatch,
  type ExpectedIdentity,
  type NodeRole,
  type PeerIdentity,
} from './peer-identity.ts';
export type { Protocol } from './protocol.ts';
export { RpcClient, type RpcClientOptions } from './rpc-client.ts';
export { rpcHandler, type CallContext, type RpcHandlerOptions, type RpcMethod } from './rpc-handler.ts';
export { streamHandler, type StreamHandlerOptions } from './stream-handler.ts';
export { sendStream, type SendStreamOptions } from './stream-sender.ts';
