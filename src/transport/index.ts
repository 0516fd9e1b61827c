// SPDX-License-Identifier: Apache-2.0
export { formatAddress, parseAddress, type HostAndPort } from './address.ts';
export { callOnce, type CallOnceOptions, type CallOnceResult } from './call-once.ts';
export type { Channel, ChannelEvents, ChannelLimits } from './channel.ts';
export { channelHandler, type ChannelHandlerOptions } from './channel-handler.ts';
export { systemClock, type Clock, type Timer } from './clock.ts';
export type { Connection, ConnectionEvents } from './connection.ts';
export { CredentialsSource, type TlsCredentials } from './credentials.ts';
export type { Verification } from './dial.ts';
export { FRAME, FrameDecoder, type FrameType } from './frame.ts';
export { type Urgency, ZEROS_BEHIND_BYTES_MAX } from './frame-writer.ts';
export { LimitedLog } from './limited-log.ts';
export { Listener, STRANGER_LIMITS, type ListenerOptions, type StrangerLimits } from './listener.ts';
export type { OpenConnection } from './members.ts';
export { messageHandler, type MessageHandlerOptions } from './message-handler.ts';
export {
  MESSAGE_LINK_LIMITS,
  MessageLink,
  type MessageLinkLimits,
  type MessageLinkOptions,
} from './message-link.ts';
export { openChannel, type OpenChannelOptions } from './open-channel.ts';
export {
  identityMismatch,
  type ExpectedIdentity,
  type NodeRole,
  type PeerIdentity,
} from './peer-identity.ts';
export type { Caller, Protocol, ProtocolHandler } from './protocol.ts';
export { RpcClient, type CallOptions, type RpcClientLimits, type RpcClientOptions } from './rpc-client.ts';
export {
  rpcHandler,
  type CallContext,
  type RpcHandlerLimits,
  type RpcHandlerOptions,
  type RpcMethod,
} from './rpc-handler.ts';
export { streamHandler, type StreamHandlerOptions } from './stream-handler.ts';
export { sendStream, type SendStreamOptions } from './stream-sender.ts';
