/**
 * Every setting there is, with its range, its default and what it means. The README's table, the
 * command line's help and `config show` are made from it. `config.ts` says where values come from.
 */
import { z } from "zod";
import { logLevels } from "./log.ts";
import { boolean, budget, hostAndPort, port, rate, share, wholeNumber } from "./setting-kinds.ts";

/** See docs/security.md. */
export const peerAuthModes = ["mtls", "token", "open"] as const;
export type PeerAuth = (typeof peerAuthModes)[number];

export const configSchema = z.object({
  dataDir: z
    .string()
    .min(1)
    .default("./.data")
    .describe("Directory for keys and the embedded database"),
  nodeId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ -")
    .optional()
    .describe("This node's name in the mesh; default: derived from its key"),
  host: z.string().min(1).default("127.0.0.1").describe("Address both listeners bind"),
  httpPort: port(8080, "Port of REST and dashboard"),
  grpcPort: port(5001, "Port for peers"),
  advertise: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+)(:\d{1,5})?$/, "must be HOST or HOST:PORT")
    .optional()
    .describe("host or host:port told to peers; default: the bound address"),
  seeds: z
    .array(hostAndPort())
    .default([])
    .describe("Peers to ask first, host:port; they only help this node in"),
  peerAuth: z
    .enum(peerAuthModes)
    .default("open")
    .describe(
      "How peers prove who they are: mtls by certificate, token by JWT, open not at all; in production the default is mtls",
    ),
  tlsCertificate: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Certificate file, PEM, this node's first; default: tls/node.crt in the data directory",
    ),
  tlsKey: z
    .string()
    .min(1)
    .optional()
    .describe("The certificate's key file, PEM; default: tls/node.key in the data directory"),
  tlsCa: z
    .string()
    .min(1)
    .optional()
    .describe("File of all trusted authorities, PEM; default: tls/ca.crt in the data directory"),
  peerTokenFile: z
    .string()
    .min(1)
    .optional()
    .describe("File with the token shown to peers; without it the node mints its own"),
  outboundMax: wholeNumber(4, 1_000)
    .default(100)
    .describe("Peers that this node keeps connections to by its own choice, besides seeds"),
  allowPrivate: boolean()
    .optional()
    .describe(
      "Dial addresses of private networks that strangers tell; default: when this node has one itself",
    ),
  stunServers: z
    .array(hostAndPort())
    .default([])
    .describe(
      "STUN servers, host:port, that tell this node its own address; default: none is asked",
    ),
  dbConnection: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    .optional()
    .describe("PostgreSQL URL; without it the embedded database in the data directory is used"),
  dbSchema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be 1 to 63 of a-z 0-9 _, no digit first")
    .default("peer")
    .describe(
      "PostgreSQL schema that holds the tables; nodes that share a database take different ones",
    ),
  dbPoolSize: wholeNumber(1, 100).default(8).describe("Connections to PostgreSQL"),
  cacheBytes: wholeNumber(0, 16 * 2 ** 30)
    .default(32 * 2 ** 20)
    .describe("Newest dockets kept in memory for those who read them, bytes in all; 0 keeps none"),
  workers: wholeNumber(0, 64)
    .optional()
    .describe("Verifier threads; default: one a core up to 8; 0 verifies on the main thread"),
  logLevel: z.enum(logLevels).default("info").describe("Least important line that is written"),
  heartbeatMs: wholeNumber(1_000, 120_000)
    .default(30_000)
    .describe("Time between heartbeats, ms; less finds dead peers sooner and costs traffic"),
  heartbeatTimeoutMs: wholeNumber(1_000, 120_000)
    .default(30_000)
    .describe("Wait for a heartbeat's answer, ms"),
  exchangeMs: wholeNumber(1_000, 86_400_000)
    .default(300_000)
    .describe("Time between exchanges of peer lists, ms"),
  connectTimeoutMs: wholeNumber(500, 120_000)
    .default(10_000)
    .describe("Wait for a peer's first answer, ms"),
  pullTimeoutMs: wholeNumber(1_000, 600_000)
    .default(30_000)
    .describe("Longest silence of a source that has dockets to give, ms"),
  pullDocketCount: wholeNumber(10, 1_000)
    .default(100)
    .describe("Dockets asked for at once where pages are asked for one by one"),
  sealCount: wholeNumber(1, 10_000).default(100).describe("Transactions that fill a docket"),
  sealMs: wholeNumber(1, 60_000)
    .default(500)
    .describe("Longest wait of a transaction for its docket, ms"),
  sealRoundMs: wholeNumber(100, 60_000)
    .default(1_000)
    .describe(
      "Wait for a validator whose turn it is to propose a docket, ms; grows with each turn",
    ),
  sealFor: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be a public key, 43 characters"))
    .default([])
    .describe("Public keys of nodes with which this one seals registers that name it a validator"),
  acceptTransactions: boolean()
    .default(true)
    .describe("Seal transactions that peers bring; off: only what is submitted at this node"),
  relay: boolean()
    .default(false)
    .describe(
      "Pass messages on between peers that can't dial each other and keep a line open here",
    ),
  relayVia: z
    .array(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ -"))
    .max(8)
    .default([])
    .describe(
      "Node ids of peers to keep a line open to, where this node can't be dialled; what it can't deliver itself goes through them",
    ),
  fanoutFactor: wholeNumber(1, 16)
    .default(3)
    .describe("Peers told of a new transaction at once; more is quicker and costs messages"),
  maxRetries: wholeNumber(1, 1_000)
    .default(5)
    .describe("Times that validators are given a queued transaction before it is a dead letter"),
  sendBytesPerSecond: budget("Bytes of dockets a second to all peers"),
  receiveBytesPerSecond: budget("Bytes of dockets a second from all peers"),
  onePeerSendBytesPerSecond: budget("Bytes of dockets a second to one peer"),
  onePeerReceiveBytesPerSecond: budget("Bytes of dockets a second from one peer"),
  registerSendBytesPerSecond: budget("Bytes of dockets a second of one register to peers"),
  registerReceiveBytesPerSecond: budget("Bytes of dockets a second of one register from peers"),
  verifyTransactions: z
    .enum(["all", "none"])
    .default("all")
    .describe("Whether transaction signatures are checked besides the seals"),
  acceptUnsealed: boolean()
    .default(false)
    .describe("Take chains without seals; shown as verification: chain"),
  historyOrder: z
    .enum(["oldest-first", "newest-first"])
    .default("oldest-first")
    .describe("How a long register's past comes; newest-first serves its head within moments"),
  keepDockets: wholeNumber(0, 1_000_000_000_000)
    .default(0)
    .describe("Dockets that a forward-only subscription keeps unless it says otherwise; 0: all"),
  keepDays: wholeNumber(0, 36_500)
    .default(0)
    .describe("Days for which a forward-only subscription keeps dockets unless it says; 0: ever"),
  auditMs: wholeNumber(0, 366 * 86_400_000)
    .default(7 * 86_400_000)
    .describe("Time in which each register is audited once in the background, ms; 0: never"),
  auditBytesPerSecond: wholeNumber(64 * 1024, 1024 ** 3)
    .default(8 * 1024 ** 2)
    .describe(
      "What a background audit reads at most, bytes a second; more ends sooner and costs disk",
    ),
  replicationProtocol: boolean()
    .default(true)
    .describe("Speak sorcha.peer.replication.v1; off: only the Sorcha-compatible RPCs"),
  jwtSigningKey: z
    .string()
    .refine((key) => new TextEncoder().encode(key).length >= 32, "must be at least 32 bytes")
    .optional()
    .describe("HS256 key; default outside production: generated and kept in the data directory"),
  jwtVerificationKeys: z
    .array(
      z
        .string()
        .refine((key) => new TextEncoder().encode(key).length >= 32, "must be at least 32 bytes"),
    )
    .max(8)
    .default([])
    .describe("Older HS256 keys whose tokens still count, while keys are being changed"),
  jwtIssuer: z.string().default("https://tenant.sorcha.io").describe("Expected token issuer"),
  jwtAudience: z.string().default("https://api.sorcha.io").describe("Expected token audience"),
  jwtClockSkewMs: wholeNumber(0, 3_600_000)
    .default(300_000)
    .describe("Tolerated clock difference when a token's times are checked, ms"),
  managePeersByOrg: boolean()
    .default(false)
    .describe("Any org_id may manage peers, as in the .NET service"),
  readsPerMinute: rate(1_000, "GET requests a minute that one address may make"),
  writesPerMinute: rate(100, "Other requests a minute that one address may make"),
  servicePerMinute: rate(
    60_000,
    "Requests a minute of one service token, in place of its address's",
  ),
  trustedProxies: z
    .array(
      z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], "must be an address or a CIDR range"),
    )
    .default([])
    .describe("Proxies, as addresses or ranges, whose X-Forwarded-For is believed"),
  corsOrigins: z
    .array(z.string().regex(/^https?:\/\/[^/\s]+$/, "must be http://HOST or https://HOST"))
    .default([])
    .describe("Origins whose pages may call REST from a browser; none by default"),
  otlpEndpoint: z
    .url({ protocol: /^https?$/, error: "must be http://HOST:PORT or https://HOST:PORT" })
    .optional()
    .describe(
      "OTLP collector over HTTP, such as http://127.0.0.1:4318; without it nothing is sent",
    ),
  otlpHeaders: z
    .array(z.string().regex(/^[^=]+=.*$/, "must be NAME=VALUE"))
    .default([])
    .describe("Headers of requests to the collector, name=value"),
  otlpMetricsMs: wholeNumber(1_000, 3_600_000)
    .default(60_000)
    .describe("Time between two exports of metrics to the collector, ms"),
  traceSampling: share().default(1).describe("Share of traces that are sent to the collector"),
  production: boolean()
    .default(false)
    .describe("NODE_ENV=production: no generated keys, no details in errors"),
});
