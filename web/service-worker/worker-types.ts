/**
 * The part of the service worker's world that is used here (Service Workers, Push API, Notifications).
 * TypeScript's own declarations of it cannot be loaded beside those of a window.
 */
export interface WorkerScope {
  readonly location: { readonly href: string };
  readonly registration: WorkerRegistration;
  readonly clients: WorkerClients;
  readonly navigator?: { readonly userAgent: string; readonly language: string };
  readonly caches?: Pick<CacheStorage, 'open'>;
  readonly crypto: { randomUUID(): string };
  fetch(url: string, init: RequestInit): Promise<{ readonly ok: boolean; readonly status: number }>;
  setTimeout(callback: () => void, ms: number): unknown;
  addEventListener<K extends keyof WorkerEvents>(type: K, listener: (event: WorkerEvents[K]) => void): void;
}

export interface WorkerEvents {
  push: PushEventLike;
  notificationclick: NotificationEventLike;
  notificationclose: NotificationEventLike;
  pushsubscriptionchange: SubscriptionChangeEventLike;
}

interface Extendable {
  waitUntil(work: Promise<unknown>): void;
}

export interface PushEventLike extends Extendable {
  readonly data: { json(): unknown } | null;
}

export interface NotificationEventLike extends Extendable {
  readonly action: string;
  readonly notification: { readonly data: unknown; close(): void };
}

export interface SubscriptionChangeEventLike extends Extendable {
  readonly oldSubscription?: SubscriptionLike | null;
  readonly newSubscription?: SubscriptionLike | null;
}

export interface SubscriptionLike {
  readonly endpoint?: string;
  readonly options?: { readonly applicationServerKey?: ArrayBuffer | null };
  toJSON(): unknown;
}

export interface WorkerRegistration {
  readonly scope: string;
  readonly pushManager: {
    subscribe(options: {
      userVisibleOnly: boolean;
      applicationServerKey: ArrayBuffer | string;
    }): Promise<SubscriptionLike>;
  };
  showNotification(title: string, options: ShownNotification): Promise<void>;
}

/** `NotificationOptions` with the members that only service workers may use. */
export interface ShownNotification {
  body: string;
  tag: string;
  icon?: string;
  image?: string;
  badge?: string;
  actions?: { action: string; title: string }[];
  requireInteraction?: boolean;
  data: unknown;
}

interface WorkerClients {
  matchAll(query: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WindowClientLike[]>;
  openWindow(url: string): Promise<unknown>;
}

interface WindowClientLike {
  readonly url: string;
  focus(): Promise<unknown>;
}
