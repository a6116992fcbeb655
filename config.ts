import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Everything that the environment says, checked. */
export interface Config {
  /** The address that the API listens on; `0.0.0.0` or `::` for all. */
  host: string;
  port: number;
  /** Absent: an embedded server is started. */
  mongodbUri: string | undefined;
  temporalAddress: string | undefined;
  temporalNamespace: string;
  temporalApiKey: string | undefined;
  /** Paths of PEM files, for a Temporal server with TLS. */
  temporalTls: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined } | boolean;
  dataDir: string;
  adminKey: string | undefined;
  /** Where browsers reach the API; absent: the address it listens on. */
  publicUrl: string | undefined;
  /** Push hosts allowed beside the known services. */
  pushHosts: string[];
  /** Where legacy FCM messages are posted; absent: Google's own address, which it switched off. */
  fcmLegacyUrl: string | undefined;
  /** CIDR blocks that webhooks may reach beside public addresses. */
  webhookAllow: string[];
  /** 32 bytes that secrets in the database are sealed with; absent: none can be kept. */
  secretKey: Buffer | undefined;
  /** Contact that push services are told (RFC 8292 section 2.1). */
  contact: string;
  logLevel: string;
}

/** Thrown with every fault of the environment at once. */
export class ConfigError extends Error {
  readonly faults: string[];

  constructor(faults: string[]) {
    super(`The configuration has faults:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const host = z
  .string()
  .regex(
    /^(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:]+\](:\d{1,5})?$/,
    'is not a host, *.host or host:port',
  );
const httpUrl = z
  .string()
  .refine((text) => /^https?:$/.test(protocolOf(text)), 'must be an http or https URL');

const environment = z.object({
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:-]+$/, 'must be an address or a host name')
    .default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .pipe(z.number().max(65_535, 'must be a port number, at most 65535'))
    .default(3000),
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/.+/, 'must begin with mongodb:// or mongodb+srv://')
    .optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s:/]+:\d{1,5}$/, 'must be host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_API_KEY: z.string().min(1).optional(),
  TEMPORAL_TLS: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
  TEMPORAL_TLS_CA: z.string().min(1).optional(),
  TEMPORAL_TLS_CERT: z.string().min(1).optional(),
  TEMPORAL_TLS_KEY: z.string().min(1).optional(),
  BECKON_DATA_DIR: z.string().min(1).default('.beckon'),
  BECKON_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,200}$/, 'must be 16 to 200 printable characters without spaces')
    .optional(),
  BECKON_PUBLIC_URL: httpUrl.optional(),
  BECKON_PUSH_HOSTS: list.pipe(z.array(host)).default([]),
  BECKON_FCM_LEGACY_URL: httpUrl.optional(),
  BECKON_WEBHOOK_ALLOW: list
    .pipe(z.array(z.string().refine(isCidr, 'is not a CIDR block such as 10.1.0.0/16 or fd00::/8')))
    .default([]),
  BECKON_SECRET_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 bytes as base64; openssl rand -base64 32 makes one')
    .transform((text) => Buffer.from(text, 'base64'))
    .optional(),
  BECKON_CONTACT: z
    .string()
    .regex(/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/, 'must be mailto:… or https://…')
    .default('mailto:operator@beckon.invalid'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/**
 * Reads the environment. A variable that is empty counts as absent; an unknown `BECKON_…` is a fault, for it is
 * most likely a mistyped one.
 *
 * @throws ConfigError with every fault at once
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const faults = Object.keys(given)
    .filter(
      (name) =>
        name.startsWith('BECKON_') && !name.startsWith('BECKON_TEST_') && !(name in environment.shape),
    )
    .map((name) => `${name} is not a setting`);
  const parsed = environment.safeParse(given);
  if (!parsed.success)
    faults.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (given.TEMPORAL_TLS_CERT !== undefined && given.TEMPORAL_TLS_KEY === undefined) {
    faults.push('TEMPORAL_TLS_CERT needs TEMPORAL_TLS_KEY');
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);

  const values = parsed.data;
  const files = { ca: values.TEMPORAL_TLS_CA, cert: values.TEMPORAL_TLS_CERT, key: values.TEMPORAL_TLS_KEY };
  const hasFiles = Object.values(files).some((path) => path !== undefined);
  return {
    host: values.HOST,
    port: values.PORT,
    mongodbUri: values.MONGODB_URI,
    temporalAddress: values.TEMPORAL_ADDRESS,
    temporalNamespace: values.TEMPORAL_NAMESPACE,
    temporalApiKey: values.TEMPORAL_API_KEY,
    temporalTls: hasFiles ? files : values.TEMPORAL_TLS === 'true' || values.TEMPORAL_API_KEY !== undefined,
    dataDir: values.BECKON_DATA_DIR,
    adminKey: values.BECKON_ADMIN_KEY,
    publicUrl: values.BECKON_PUBLIC_URL?.replace(/\/+$/, ''),
    pushHosts: values.BECKON_PUSH_HOSTS,
    webhookAllow: values.BECKON_WEBHOOK_ALLOW,
    fcmLegacyUrl: values.BECKON_FCM_LEGACY_URL,
    secretKey: values.BECKON_SECRET_KEY,
    contact: values.BECKON_CONTACT,
    logLevel: values.LOG_LEVEL,
  };
}

function isCidr(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}
