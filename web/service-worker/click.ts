import type { NotificationData } from './notification-data.ts';
import type { WorkerScope } from './worker-types.ts';

/** Brings the page that a click leads to to the front: an open window of it, or a new one. Never rejects. */
export async function openTarget(scope: WorkerScope, data: NotificationData, action: string): Promise<void> {
  const target = resolveTarget(data.actionUrls[action] ?? data.url, scope.registration.scope);
  if (!target) return;
  try {
    const windows = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const open = windows.find((client) => resolveTarget(client.url, target) === target);
    await (open ? open.focus() : scope.clients.openWindow(target));
  } catch {
    // The browser may refuse a window, for instance when the click is too long ago.
  }
}

/** The absolute address, that of the site without one; null unless it is http or https. */
function resolveTarget(url: string | undefined, base: string): string | null {
  try {
    const resolved = new URL(url ?? base, base);
    return /^https?:$/.test(resolved.protocol) ? resolved.href : null;
  } catch {
    return null;
  }
}
